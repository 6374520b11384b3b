"""Connections of HTTP with patience that ends: slow clients are refused, idle ones closed, too many turned away."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from transmodal.service.refusals import Refusal, bad_request, body_of, too_much

HEAD_BYTES = 16 << 10
"""Most bytes of a request's line and headers."""


class PatientProtocol(H11Protocol):
    """A connection that has some seconds to send the head of each request, and to take what it asked for.

    Attributes:
        patience_seconds: as `settings.Limits`.
        most_connections: at a time.
        headers_of_answers: that every answer has.
    """

    patience_seconds: float = 10.0
    most_connections: int = 512
    headers_of_answers: tuple[tuple[bytes, bytes], ...] = ()

    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base
        """Begin to wait for the first request, unless there are too many connections."""
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            transport.abort()
            return
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End all waiting."""
        _cancel(self._head_timer)
        _cancel(self._write_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a request whose head is whole is no longer waited for."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._look_for_head()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self._wait_for_head()
            self._look_for_head()

    def pause_writing(self) -> None:
        """Begin to wait for a client that does not take its answer."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(self.patience_seconds * 3, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the client takes its answer."""
        _cancel(self._write_timer)
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._refuse(
            bad_request(
                "what is no request of HTTP", "HTTP/1.1, heads of at most 16 KiB", "Send it as curl does."
            )
        )

    def _wait_for_head(self) -> None:
        _cancel(self._head_timer)
        self._head_timer = self.loop.call_later(self.patience_seconds, self._give_up)

    def _look_for_head(self) -> None:
        """Stop waiting where a request is under way."""
        if self.cycle is not None and not self.cycle.response_complete:
            _cancel(self._head_timer)

    def _give_up(self) -> None:
        """Refuse a head that was begun; close a connection where none was."""
        if self.transport.is_closing():
            return
        if self.conn.trailing_data[0]:
            seconds = f"{self.patience_seconds:g} seconds"
            self._refuse(
                too_much("a request that comes too slowly", f"its head in {seconds}", "Send it again.", 408)
            )
        else:
            self.transport.close()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer in place of the application, and close; without a word where an answer was begun."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = json.dumps(body_of(refusal.error)).encode()
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
                *self.headers_of_answers,
            ]
            events: list[Any] = [
                h11.Response(status_code=refusal.status, headers=headers),
                h11.Data(data=body),
            ]
            for event in [*events, h11.EndOfMessage()]:
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    """Cancel a timer, if there is one."""
    if timer is not None:
        timer.cancel()
