"""The guard before every route: access, the shape and the size of requests, their pace, and the look of answers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from transmodal.errors import InternalError, TransmodalError
from transmodal.service import access, logs
from transmodal.service.counters import Counters
from transmodal.service.intake.uploads import too_large
from transmodal.service.refusals import Refusal, bad_request, body_of, from_error, too_much
from transmodal.service.settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

SMALL_BODY = 16 << 10
"""Most bytes of a body that is no upload."""
LONGEST_TARGET = 2048
MOST_HEADERS = 64
HEADER_BYTES = 8 << 10
CLIENT_GONE = 499
"""Status that stands in logs for a client that went away; no client sees it."""
SLOWEST_RATE = 32768
"""Bytes per second that an upload has to come at, in the mean, after its first part of patience."""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every answer; a page of the viewer says a policy of its own."""

_SINGLE = (b"host", b"content-length", b"authorization", b"content-type", b"transfer-encoding", b"origin")
_UPLOAD_METHODS = frozenset({"PUT"})


class Guard:
    """An application around another one, that lets pass what may.

    Args:
        application: of ASGI.
        settings: of the service.
        counters: that count answers and refusals.
    """

    def __init__(self, application: Application, settings: Settings, counters: Counters) -> None:
        self._application, self._settings, self._counters = application, settings, counters

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        answer = _Answer(send)
        began = time.monotonic()
        try:
            body = await self._admit(scope, receive)
            await self._application(scope, body, answer.send)
        except Refusal as refusal:
            await self._refuse(answer, refusal)
        except TransmodalError as error:
            await self._refuse(answer, from_error(error))
        except ClientGone:
            answer.status = answer.status or CLIENT_GONE
        except Exception as error:
            logs.event("bug", {"exception": type(error).__name__, "place": _place(error)})
            await self._refuse(answer, from_error(bug_of(error)))
        self._counters.count_answer(answer.status)
        self._log(scope, answer.status, time.monotonic() - began)

    async def _admit(self, scope: Message, receive: Receive) -> Receive:
        """Check the head of a request; return what gives its body, counted and timed.

        Raises:
            Refusal: with a status from 400 to 431.
        """
        headers = _headers_of(scope)
        access.check(self._settings, scope["path"], headers)
        if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_TARGET:
            raise bad_request("a long address", f"at most {LONGEST_TARGET} signs", "Shorten it.", 414)
        is_upload = scope["method"] in _UPLOAD_METHODS
        limit = self._settings.limits.upload_bytes if is_upload else SMALL_BODY
        _check_body(headers, limit)
        counted = _counted(receive, limit, self._settings.limits.patience_seconds)
        if is_upload:
            return counted
        return await _read_ahead(counted, receive)

    async def _refuse(self, answer: _Answer, refusal: Refusal) -> None:
        self._counters.count_refusal(refusal.error.code)
        await answer.send_refusal(refusal)

    def _log(self, scope: Message, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        logs.event(
            "answer", {"method": method, "route": route, "status": status, "seconds": round(seconds, 4)}
        )


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})


class ClientGone(Exception):  # noqa: N818  # no error of ours
    """A client that went away before its request was whole."""


class _Answer:
    """An answer on its way, with the headers that every answer has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._is_complete = False
        self.status = 0

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            present = {name.lower() for name, _ in message.get("headers", [])}
            added = [pair for pair in ENCODED_HEADERS if pair[0] not in present]
            if self.status >= 400:  # what was not read of the body is never read
                added.append((b"connection", b"close"))
            message = {**message, "headers": [*message.get("headers", []), *added]}
        await self._send(message)
        if message["type"] == "http.response.body":
            self._is_complete = not message.get("more_body", False)

    async def send_refusal(self, refusal: Refusal) -> None:
        """Send a refusal; where an answer was begun, break it off."""
        if self._is_complete:
            return
        if self.status:
            raise ConnectionAbortedError("an answer that was begun cannot be taken back")
        body = json.dumps(body_of(refusal.error)).encode()
        headers = {"content-type": "application/json", "content-length": str(len(body)), **refusal.headers}
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": refusal.status, "headers": pairs})
        await self.send({"type": "http.response.body", "body": body})


ENCODED_HEADERS = tuple((name.lower().encode(), value.encode()) for name, value in HEADERS.items())
"""`HEADERS` as connections send them."""


def _headers_of(scope: Message) -> dict[str, str]:
    """Return the headers by name; those that may stand once do.

    Raises:
        Refusal: 400.
    """
    pairs: list[tuple[bytes, bytes]] = scope["headers"]
    if len(pairs) > MOST_HEADERS or sum(len(name) + len(value) for name, value in pairs) > HEADER_BYTES:
        raise bad_request(
            "large headers", f"at most {MOST_HEADERS} of {HEADER_BYTES} bytes together", "Send fewer.", 431
        )
    for name in _SINGLE:
        if sum(key == name for key, _ in pairs) > 1:
            raise bad_request(f"several headers {name.decode()}", "one of them", "Send it once.")
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}


def _check_body(headers: Mapping[str, str], limit: int) -> None:
    """Refuse bodies whose head says already that they are not taken."""
    length, transfer = headers.get("content-length"), headers.get("transfer-encoding")
    if length is not None and transfer is not None:
        raise bad_request("Content-Length and Transfer-Encoding", "one of the two", "Leave one out.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise bad_request(
            "a body with a Content-Encoding", "the file as it is", "Send a .nii.gz without that header.", 415
        )
    if "upgrade" in headers:
        raise bad_request("a request to upgrade", "plain HTTP/1.1", "Leave the header Upgrade out.")
    if length is not None and int(length) > limit:  # h11 lets figures alone pass
        raise too_large(limit)


def _counted(receive: Receive, limit: int, patience: float) -> Receive:
    """Return what gives the parts of a body as long as they come in time and are not too many."""
    began, n_bytes = time.monotonic(), 0

    async def counted() -> Message:
        nonlocal n_bytes
        late = began + patience + n_bytes / SLOWEST_RATE
        seconds = min(patience, late - time.monotonic())
        try:
            message = await asyncio.wait_for(receive(), max(seconds, 0.0))
        except TimeoutError:
            raise too_much(
                "a body that comes too slowly",
                f"a part every {patience:g} seconds, {SLOWEST_RATE} bytes per second in the mean",
                "Send it again.",
                408,
            ) from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        n_bytes += len(message.get("body", b""))
        if n_bytes > limit:
            raise too_large(limit)
        return message

    return counted


async def _read_ahead(counted: Receive, receive: Receive) -> Receive:
    """Read a small body whole, so that nothing of a request is left on its connection; return what gives it again."""
    body, has_more = b"", True
    while has_more:
        message = await counted()
        body += message.get("body", b"")
        has_more = message.get("more_body", False)
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again


def bug_of(error: Exception) -> InternalError:
    """Return the error for an exception that was raised on no purpose: its type, never its words."""
    return InternalError(
        "E601",
        f"{type(error).__name__} in the service",
        "an answer",
        "Report it, with the version of transmodal.",
    )


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return (
        "" if trace is None else f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
    )
