from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.service import access
from transmodal.service.refusals import Refusal
from transmodal.service.settings import Settings

TOKEN = "t" * 20
HERE = Settings({}, Path())
OPEN = Settings({}, Path(), "0.0.0.0", token=TOKEN, names=("pacs.example.org",))
WITH_TOKEN = {"authorization": f"Bearer {TOKEN}"}


def status(settings: Settings, path: str = "/models", **headers: str) -> int:
    """Return the status of the refusal; 200 where there is none."""
    try:
        access.check(settings, path, {name.replace("_", "-"): value for name, value in headers.items()})
    except Refusal as refusal:
        return refusal.status
    return 200


@pytest.mark.parametrize(
    ("host", "here", "elsewhere"),
    [
        ("127.0.0.1", 200, 200), ("127.0.0.1:8080", 200, 200), ("localhost:1", 200, 200), ("LOCALHOST", 200, 200),
        ("[::1]:8080", 200, 200), ("10.0.0.7:8080", 421, 200), ("[2001:db8::1]", 421, 200),
        ("pacs.example.org", 421, 200), ("PACS.example.org:8080", 421, 200), ("evil.example", 421, 421),
        ("localhost.evil.example", 421, 421), ("127.0.0.1.evil.example", 421, 421), ("", 421, 421),
        ("localhost@evil.example", 421, 421), ("localhost:80:80", 421, 421), ("localhost/", 421, 421),
        ("0x7f.1", 421, 421), ("2130706433", 421, 421), ("localhost\t", 421, 421), ("localhost.", 421, 421),
    ],
)  # fmt: skip
def test_hosts(host: str, here: int, elsewhere: int) -> None:
    assert status(HERE, host=host) == here
    assert status(OPEN, host=host, **WITH_TOKEN) == elsewhere


@pytest.mark.parametrize(
    ("origin", "answer"),
    [("http://127.0.0.1:8080", 200), ("http://127.0.0.1:8081", 403), ("https://evil.example", 403),
     ("null", 403), ("http://[", 403), ("file://", 403)],
)  # fmt: skip
def test_origins(origin: str, answer: int) -> None:
    assert status(HERE, host="127.0.0.1:8080", origin=origin) == answer


@pytest.mark.parametrize(
    ("site", "answer"),
    [("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403), ("x", 403)],
)
def test_sites(site: str, answer: int) -> None:
    assert status(HERE, host="127.0.0.1", sec_fetch_site=site) == answer


@pytest.mark.parametrize(
    ("header", "answer"),
    [(f"Bearer {TOKEN}", 200), (f"bearer  {TOKEN} ", 200), ("", 401), (TOKEN, 401), (f"Basic {TOKEN}", 401),
     (f"Bearer {TOKEN}t", 401), ("Bearer t", 401), ("Bearer", 401), ("Bearer \u2603", 401)],
)  # fmt: skip
def test_tokens(header: str, answer: int) -> None:
    assert status(OPEN, host="127.0.0.1", authorization=header) == answer


def test_health_and_pages_need_no_token() -> None:
    assert status(OPEN, "/health", host="127.0.0.1") == 200
    assert status(OPEN, "/view/ticket/", host="127.0.0.1") == 200
    assert status(OPEN, "/viewer", host="127.0.0.1") == 401
    assert status(HERE, "/models", host="127.0.0.1") == 200


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    monkeypatch.setattr(access.hmac, "compare_digest", lambda a, b: compared.append((a, b)) or True)
    assert status(OPEN, host="127.0.0.1", authorization="Bearer x") == 200
    assert compared == [(b"x", TOKEN.encode())]
