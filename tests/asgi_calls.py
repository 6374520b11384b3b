"""Requests to an application of ASGI in this process, without a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from served import Answer

Application = Callable[..., Awaitable[None]]
HOST = {"host": "127.0.0.1"}


async def call(
    application: Application,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    parts: list[bytes] | None = None,
) -> Answer:
    """Return the answer to a request whose body comes in parts; after them the client is gone; one
    without parts waits."""
    left = [*(parts if parts is not None else [body])]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not left and parts is None:
            await asyncio.sleep(3600)
        if not left:
            return {"type": "http.disconnect"}
        part = left.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(left) or parts is not None}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    pairs = [(name.encode(), value.encode("latin-1")) for name, value in {**HOST, **(headers or {})}.items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "headers": pairs,
        "state": {},
    }
    await application(scope, receive, send)
    starts = [message for message in sent if message["type"] == "http.response.start"]
    if not starts:
        return Answer(0, {}, b"")
    assert len(starts) == 1
    found = {name.decode(): value.decode() for name, value in starts[0]["headers"]}
    return Answer(starts[0]["status"], found, b"".join(message.get("body", b"") for message in sent))


def ask(
    application: Application,
    method: str,
    path: str,
    body: object = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Return the answer to a request by the book; a body that is no bytes is JSON."""
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = {} if body is None or isinstance(body, bytes) else {"content-type": "application/json"}
    return asyncio.run(call(application, method, path, content, {**kind, **(headers or {})}))
