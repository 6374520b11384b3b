from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterator

import pytest

from transmodal.viewing.page import PagePart
from transmodal.viewing.server import PageServer

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
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
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
