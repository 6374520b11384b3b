from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterator

import pytest

from transmodal.viewing.page import PagePart
from transmodal.viewing.server import LARGEST_POST, PageServer, PostAnswer

PARTS = {
    "": PagePart("text/html; charset=utf-8", b"page"),
    "volume-0.nii": PagePart("application/octet-stream", b"\0\1"),
}


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    with PageServer(PARTS) as running:
        thread = threading.Thread(target=running.serve)
        thread.start()
        yield running
        running.close()
        thread.join()


def ask(
    server: PageServer, path: str, *, method: str = "GET", host: str | None = None
) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.putrequest(method, path, skip_host=True)
    if host != "":
        connection.putheader("Host", host or f"127.0.0.1:{server.port}")
    connection.endheaders()
    answer = connection.getresponse()
    result = answer.status, answer.read(), answer.headers
    connection.close()
    return result


def token(server: PageServer) -> str:
    return server.address.split("/")[3]


def test_the_parts_are_served_under_the_token(server: PageServer) -> None:
    status, content, headers = ask(server, f"/{token(server)}/")
    assert (status, content, headers["Content-Type"]) == (200, b"page", "text/html; charset=utf-8")
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Python" not in headers["Server"]
    assert ask(server, f"/{token(server)}/volume-0.nii", host=f"localhost:{server.port}")[:2] == (
        200,
        b"\0\1",
    )
    assert ask(server, f"/{token(server)}/volume-0.nii", method="HEAD")[:2] == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/volume-0.nii",
        "/{token}",
        "/{token}x/",
        "/{token}/../{token}/volume-0.nii",
        "/{token}/%2e%2e/%2e%2e/etc/passwd",
        "/{token}/../../../../etc/passwd",
        "/{token}//etc/passwd",
        "/{token}/volume-0.nii?x",
        "/{token}/VOLUME-0.nii",
        "http://127.0.0.1/{token}/",
    ],
)
def test_every_other_path_is_nothing(server: PageServer, path: str) -> None:
    status, content, _ = ask(server, path.replace("{token}", token(server)))
    assert (status, content) == (404, b"")


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}"]
)
def test_another_host_is_refused(server: PageServer, host: str) -> None:
    status, content, _ = ask(server, f"/{token(server)}/", host=host.replace("{port}", str(server.port)))
    assert (status, content) == (403, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_can_be_changed(server: PageServer, method: str) -> None:
    assert ask(server, f"/{token(server)}/", method=method)[0] == 501


def test_the_address_is_of_this_machine_and_cannot_be_guessed(server: PageServer) -> None:
    assert re.fullmatch(rf"http://127\.0\.0\.1:{server.port}/[\w-]{{32}}/", server.address)
    with PageServer(PARTS) as second:
        assert token(second) != token(server)
        assert second.port != server.port


def test_an_interrupt_ends_it_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(**_: object) -> None:
        raise KeyboardInterrupt

    with PageServer(PARTS) as running:
        monkeypatch.setattr(running._server, "serve_forever", interrupt)
        running.serve()


RECEIVED: list[bytes] = []


def receive(content: bytes) -> PostAnswer:
    RECEIVED.append(content)
    return PostAnswer(200 if content == b"{}" else 400, PagePart("application/json", b'{"ok": 1}'))


@pytest.fixture(scope="module")
def listening() -> Iterator[PageServer]:
    with PageServer(PARTS, {"answer": receive}) as running:
        thread = threading.Thread(target=running.serve)
        thread.start()
        yield running
        running.close()
        thread.join()


def send(server: PageServer, name: str, content: bytes = b"{}", **headers: str) -> tuple[int, bytes]:
    sent = {"Content-Type": "application/json", "Content-Length": str(len(content))}
    sent |= {
        key.replace("_", "-"): value.replace("{port}", str(server.port)) for key, value in headers.items()
    }
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.putrequest("POST", name, skip_host="Host" in sent)
    for key, value in sent.items():
        if value:
            connection.putheader(key, value)
    connection.endheaders(content if sent["Content-Length"] == str(len(content)) else None)
    answer = connection.getresponse()
    result = answer.status, answer.read()
    connection.close()
    return result


def test_what_a_page_sends_is_received_under_the_token(listening: PageServer) -> None:
    place = f"/{token(listening)}/answer"
    assert send(listening, place) == (200, b'{"ok": 1}')
    assert send(listening, place, b"other", Origin="http://127.0.0.1:{port}") == (400, b'{"ok": 1}')
    assert ask(listening, f"/{token(listening)}/")[:2] == (200, b"page")
    assert ask(listening, place)[0] == 404


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (403, {"Origin": "http://evil.example"}),
        (403, {"Origin": "null"}),
        (403, {"Host": "evil.example:{port}"}),
        (415, {"Content_Type": "text/plain"}),
        (411, {"Content_Length": ""}),
        (411, {"Content_Length": "-1"}),
        (413, {"Content_Length": str(LARGEST_POST + 1)}),
    ],
)
def test_what_comes_from_elsewhere_or_is_too_large_is_not_received(
    listening: PageServer, status: int, headers: dict[str, str]
) -> None:
    RECEIVED.clear()
    assert send(listening, f"/{token(listening)}/answer", **headers) == (status, b"")
    assert RECEIVED == []


@pytest.mark.parametrize(
    "name", ["/answer", "/x/answer", "/{token}/", "/{token}/volume-0.nii", "/{token}/other"]
)
def test_nothing_is_received_at_other_places(listening: PageServer, name: str) -> None:
    RECEIVED.clear()
    assert send(listening, name.replace("{token}", token(listening))) == (404, b"")
    assert RECEIVED == []
