"""A server of one page to this machine alone: exactly the parts of the page, under an address nobody can guess.

A page that asks something has places that it may send to as well.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple

from transmodal.viewing.page import PagePart

HOST = "127.0.0.1"
LARGEST_POST = 4096
"""Bytes that a page may send at once."""
_SECONDS = 20.0
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class PostAnswer(NamedTuple):
    """The answer to what a page sent: a status of HTTP, and the content."""

    status: int
    part: PagePart


Receiver = Callable[[bytes], PostAnswer]
"""Takes what a page sent."""


class PageServer:
    """A page at an address of this machine, for as long as the block runs.

    No path leads to a file of the disk: an address is a name of a part or nothing. A request that names another host,
    as one of a foreign site does whose name was made to point here, gets no answer but 403.

    Args:
        parts: by name; the page itself has none.
        receivers: of JSON that the page sends, by name; without any, nothing can be sent.
    """

    def __init__(
        self, parts: Mapping[str, PagePart], receivers: Mapping[str, Receiver] | None = None
    ) -> None:
        self._server = ThreadingHTTPServer((HOST, 0), _Handler)
        self._server.daemon_threads = True
        token = secrets.token_urlsafe(24)
        # The handler is made by the server for each request, and finds these there.
        self._server.parts = {f"/{token}/{name}": part for name, part in parts.items()}  # type: ignore[attr-defined]
        self._server.receivers = {  # type: ignore[attr-defined]
            f"/{token}/{name}": receiver for name, receiver in (receivers or {}).items()
        }
        self._server.hosts = {f"{host}:{self.port}" for host in (HOST, "localhost")}  # type: ignore[attr-defined]
        self.address = f"http://{HOST}:{self.port}/{token}/"

    @property
    def port(self) -> int:
        """The port, which the system chose."""
        return int(self._server.server_address[1])

    def serve(self) -> None:
        """Answer requests until the process is interrupted, which ends it quietly, or `close` is called."""
        try:
            self._server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            return

    def close(self) -> None:
        """End `serve`, from another thread, and free the port."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> PageServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """One connection: GET and HEAD of a part, POST to a receiver."""

    protocol_version = "HTTP/1.1"
    server_version = "transmodal"
    sys_version = ""
    timeout = _SECONDS

    def do_GET(self) -> None:  # the name that http.server calls
        """Send a part."""
        part = self._find()
        if part is not None:
            self.wfile.write(part.content)

    def do_HEAD(self) -> None:  # the name that http.server calls
        """Send the headers of a part."""
        self._find()

    def do_POST(self) -> None:  # the name that http.server calls
        """Hand what the page sent to its receiver, and send what that answers."""
        receivers: Mapping[str, Receiver] = self.server.receivers  # type: ignore[attr-defined]
        if not receivers:
            self._refuse(501)
            return
        receiver = receivers.get(self.path)
        status = self._refusal(receiver)
        if status or receiver is None:
            self._refuse(status or 404)
            return
        answer = receiver(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(answer.status)
        self._send_part_headers(answer.part)
        self.wfile.write(answer.part.content)

    def _refusal(self, receiver: Receiver | None) -> int:
        """Return the status by which a POST is refused unread; 0 where it is taken.

        A page of another site names itself as the origin, and cannot send JSON without being allowed to.
        """
        hosts: frozenset[str] = self.server.hosts  # type: ignore[attr-defined]
        origin = self.headers.get("Origin")
        if self.headers.get("Host", "") not in hosts or (
            origin is not None and origin.removeprefix("http://") not in hosts
        ):
            return 403
        if receiver is None:
            return 404
        if self.headers.get_content_type() != "application/json":
            return 415
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            return 411
        return 413 if int(length) > LARGEST_POST else 0

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # as the base
        """Log nothing: the address holds the token."""

    def _find(self) -> PagePart | None:
        """Answer with the headers of the part that is asked for; None after a refusal."""
        if self.headers.get("Host", "") not in self.server.hosts:  # type: ignore[attr-defined]
            self._refuse(403)
            return None
        part: PagePart | None = self.server.parts.get(self.path)  # type: ignore[attr-defined]
        if part is None:
            self._refuse(404)
            return None
        self.send_response(200)
        self._send_part_headers(part)
        return part

    def _send_part_headers(self, part: PagePart) -> None:
        self._send_headers({"Content-Type": part.kind, "Content-Length": str(len(part.content)), **_HEADERS})

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        self.close_connection = True
        self._send_headers({"Content-Length": "0", "Connection": "close", **_HEADERS})

    def _send_headers(self, headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
