from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from asgi_calls import ask, call
from transmodal.errors import InputError
from transmodal.service import guard, logs
from transmodal.service.counters import Counters
from transmodal.service.guard import Message, Receive, Send
from transmodal.service.refusals import bad_request
from transmodal.service.settings import Limits, Settings

Inner = Callable[..., Awaitable[None]]
LIMIT = 100_000


def guarded(inner: Inner, counters: Counters | None = None, patience: float = 5.0) -> guard.Guard:
    limits = Limits(upload_bytes=LIMIT, patience_seconds=patience)
    return guard.Guard(inner, Settings({}, Path(), limits=limits), counters or Counters())


async def echo(scope: Message, receive: Receive, send: Send) -> None:
    """Answer with the body."""
    body, has_more = b"", True
    while has_more:
        message = await receive()
        body += message["body"]
        has_more = message["more_body"]
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"x-frame-options", b"SAMEORIGIN")]}
    )
    await send({"type": "http.response.body", "body": body})


def raising(error: Exception, begins: bool = False, ends: bool = False) -> Inner:
    async def inner(scope: Message, receive: Receive, send: Send) -> None:
        if begins:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        if ends:
            await send({"type": "http.response.body", "body": b"x"})
        raise error

    return inner


def test_answers_have_the_headers_and_own_ones_count_more() -> None:
    answer = ask(guarded(echo), "POST", "/", b"abc")
    assert (answer.status, answer.content) == (200, b"abc")
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"
    assert "connection" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-length": "5", "transfer-encoding": "chunked"}, 400),
        ({"content-length": "16385"}, 413),
        ({"content-encoding": "gzip"}, 415),
        ({"content-encoding": "Identity"}, 200),
        ({"upgrade": "h2c"}, 400),
        ({f"x-{n}": "" for n in range(64)}, 431),
        ({"x": "a" * 9000}, 431),
        ({"host": "evil.example"}, 421),
    ],
)
def test_heads_that_are_refused(headers: dict[str, str], status: int) -> None:
    counters = Counters()
    answer = ask(guarded(echo, counters), "POST", "/", b"", headers)
    assert answer.status == status
    assert (answer.headers.get("connection") == "close") == (status >= 400)
    assert f'transmodal_answers_total{{status="{status}"}} 1' in counters.text({})


def test_a_long_address_is_refused() -> None:
    assert ask(guarded(echo), "GET", "/" + "a" * 2048).status == 414


@pytest.mark.parametrize(
    ("method", "limit"), [("POST", guard.SMALL_BODY), ("PUT", LIMIT), ("GET", guard.SMALL_BODY)]
)
def test_bodies_are_counted_as_they_come(method: str, limit: int) -> None:
    assert ask(guarded(echo), method, "/", bytes(limit)).status == 200
    assert ask(guarded(echo), method, "/", bytes(limit + 1)).status == 413


def test_small_bodies_are_read_before_the_routes_are_asked() -> None:
    read = []

    async def inner(scope: Message, receive: Receive, send: Send) -> None:
        read.append((await receive())["body"])

    asyncio.run(call(guarded(inner), "POST", "/", parts=[b"a", b"b"], headers={}))
    assert read == []  # the client was gone before its body was whole
    asyncio.run(call(guarded(inner), "POST", "/", b"ab"))
    assert read == [b"ab"]


def test_bodies_that_come_slowly_are_refused() -> None:
    async def slowly(scope: Message, receive: Receive, send: Send) -> None:
        async def never() -> Message:
            await asyncio.sleep(60)
            return {}

        await guarded(echo, patience=0.05)(scope, never, send)

    for method in ("POST", "PUT"):
        answer = asyncio.run(call(slowly, method, "/"))
        assert answer.status == 408
        assert answer.json()["error"]["code"] == "E406"


def test_a_trickle_is_refused_though_no_part_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 3))
    monkeypatch.setattr(guard.time, "monotonic", lambda: next(clock))
    assert asyncio.run(call(guarded(echo), "PUT", "/", parts=[b"a"] * 100)).status == 408


def test_errors_are_answered_and_bugs_not_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    answer = ask(guarded(raising(InputError("E101", "a", "b", "c"))), "GET", "/")
    assert (answer.status, answer.json()["error"]["code"]) == (422, "E101")
    answer = ask(guarded(raising(bad_request("a", "b", "c", 409))), "GET", "/")
    assert (answer.status, answer.headers["content-type"]) == (409, "application/json")
    answer = ask(guarded(raising(ValueError("DOE^JOHN"))), "GET", "/")
    assert (answer.status, answer.json()["error"]["code"]) == (500, "E601")
    assert b"DOE" not in answer.content
    assert b"ValueError" in answer.content
    assert "DOE" not in "".join(capsys.readouterr())


def test_an_answer_that_was_begun_is_broken_off_and_one_that_is_whole_stays() -> None:
    with pytest.raises(ConnectionAbortedError):
        ask(guarded(raising(ValueError(), begins=True)), "GET", "/")
    assert ask(guarded(raising(ValueError(), begins=True, ends=True)), "GET", "/").content == b"x"


def test_clients_that_are_gone_are_counted() -> None:
    counters = Counters()
    assert asyncio.run(call(guarded(echo, counters), "PUT", "/", parts=[b"a"])).status == 0
    assert '{status="499"} 1' in counters.text({})


def test_other_protocols_pass_to_the_application() -> None:
    seen = []

    async def inner(scope: Message, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    asyncio.run(guarded(inner)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


def test_logs_name_the_route_and_not_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = []
    monkeypatch.setattr(
        logs, "event", lambda name, fields: lines.append(json.dumps({"event": name, **fields}))
    )
    ask(guarded(echo), "DOE", "/DOE/JOHN")
    assert '"method": "other"' in lines[0]
    assert "DOE" not in lines[0]
