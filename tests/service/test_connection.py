"""Connections at their limits; that slow ones end is held in `test_attacks.py` too, against a server of its own."""

from __future__ import annotations

import asyncio
import logging
import selectors
from collections.abc import Awaitable, Callable, Coroutine

import h11
import uvicorn
from uvicorn.server import ServerState

from transmodal.service import connection, guard


class Transport(asyncio.Transport):
    """A transport that remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.end = ""

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def close(self) -> None:
        self.end = self.end or "closed"

    def abort(self) -> None:
        self.end = "aborted"

    def is_closing(self) -> bool:
        return bool(self.end)

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def application(
    scope: object,
    receive: Callable[[], Awaitable[object]],
    send: Callable[[dict[str, object]], Awaitable[None]],
) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


class Short(connection.PatientProtocol):
    patience_seconds = 0.25
    most_connections = 2
    headers_of_answers = guard.ENCODED_HEADERS


class SkippedWaits(selectors.DefaultSelector):
    """A selector whose waits are over at once, and the clock that says how long they were: a busy machine makes none longer."""

    seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.seconds += timeout or 0.0
        return super().select(0)


def run(scene: Callable[[], Coroutine[object, object, None]]) -> None:
    """Run a scene by that clock."""
    selector = SkippedWaits()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.seconds  # type: ignore[method-assign]
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(scene())


async def opened(state: ServerState | None = None) -> tuple[Short, Transport]:
    config = uvicorn.Config(application, log_config=None, lifespan="off", ws="none")
    protocol, transport = Short(config, state or ServerState(), {}), Transport()
    protocol.connection_made(transport)
    return protocol, transport


def test_a_connection_without_a_request_is_closed_without_a_word() -> None:
    async def scene() -> None:
        _, transport = await opened()
        await asyncio.sleep(0.6)
        assert (transport.end, transport.written) == ("closed", b"")

    run(scene)


def test_a_head_that_comes_slowly_is_refused() -> None:
    async def scene() -> None:
        protocol, transport = await opened()
        for _ in range(4):
            protocol.data_received(b"GET / HTTP/1.1\r\nX: a"[:3] if not transport.written else b"")
            await asyncio.sleep(0.15)
        assert transport.written.startswith(b"HTTP/1.1 408")
        assert b"E406" in transport.written
        assert b"x-content-type-options: nosniff" in transport.written
        assert transport.end == "closed"
        protocol.data_received(b"GET")  # comes too late

    run(scene)


def test_a_request_in_time_is_answered_and_the_next_is_waited_for() -> None:
    async def scene() -> None:
        protocol, transport = await opened()
        for _ in range(2):
            protocol.data_received(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await asyncio.sleep(0.01)
        assert transport.written.count(b"HTTP/1.1 200") == 2
        assert transport.end == ""
        await asyncio.sleep(0.6)
        assert transport.end == "closed"
        protocol.connection_lost(None)

    run(scene)


def test_connections_beyond_their_number_are_turned_away() -> None:
    async def scene() -> None:
        state = ServerState()
        ends = [(await opened(state))[1].end for _ in range(3)]
        assert ends == ["", "", "aborted"]

    run(scene)


def test_a_client_that_does_not_take_its_answer_is_cut_off() -> None:
    async def scene() -> None:
        protocol, transport = await opened()
        protocol.pause_writing()
        protocol.resume_writing()
        await asyncio.sleep(0.6)
        assert transport.end == "closed"  # without a request
        protocol, transport = await opened()
        protocol.pause_writing()
        await asyncio.sleep(1.2)
        assert transport.end == "aborted"

    run(scene)


def test_what_is_no_http_is_refused_as_all_is(caplog: object) -> None:
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)

    async def scene() -> None:
        protocol, transport = await opened()
        protocol.data_received(b"\x16\x03\x01\r\n\r\n")
        assert transport.written.startswith(b"HTTP/1.1 400")
        assert b"E006" in transport.written
        protocol, transport = await opened()
        protocol.data_received(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        protocol.conn.send(h11.Response(status_code=200, headers=[]))  # an answer is under way
        protocol.data_received(b"zz\r\n")
        assert transport.written == b""
        assert transport.end == "closed"

    run(scene)
