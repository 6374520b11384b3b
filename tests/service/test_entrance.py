"""The page at the service's address, as programs and browsers get it, with a token and without, at a phone's width."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import chromium
from served import SOURCE, Served
from transmodal.notice import INTENDED_USE
from transmodal.service import access, entrance
from transmodal.service.refusals import Refusal
from transmodal.service.settings import Settings

HTML = {"accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def tab() -> Iterator[chromium.Tab]:
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        chromium.tab(Path(folder)) as running,
    ):
        yield running


def test_browsers_get_the_page_and_programs_json(served: Served) -> None:
    page = served.ask("GET", "/", headers=HTML)
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"] == entrance.POLICY
    assert INTENDED_USE in page.content.decode()
    assert served.ask("GET", "/").json()["models"] == "/models"
    kinds = {path: served.ask("GET", path).headers["content-type"] for path in entrance.PATHS}
    assert {path: kind.split(";")[0] for path, kind in kinds.items()} == {
        "/page.css": "text/css",
        "/page.js": "text/javascript",
    }


def test_the_page_needs_no_token_and_what_it_asks_for_does() -> None:
    settings = Settings({}, Path(), "0.0.0.0", token="t" * 20)
    host = {"host": "10.0.0.7:8080"}
    for path in ("/", *entrance.PATHS):
        access.check(settings, path, {**host, **HTML})
    for path, headers in (("/", {}), ("/models", HTML), ("/jobs/page.js", HTML)):
        with pytest.raises(Refusal) as refused:
            access.check(settings, path, {**host, **headers})
        assert refused.value.status == 401
    with pytest.raises(Refusal) as refused:
        access.check(settings, "/", {**host, **HTML, "sec-fetch-site": "cross-site"})
    assert refused.value.status == 403


def test_a_volume_is_translated_saved_and_deleted_on_the_page(
    tab: chromium.Tab, served: Served, tmp_path: Path
) -> None:
    tab.show(f"http://{served.host}:{served.port}/", (360, 740))
    tab.wait("!document.querySelector('#work').hidden")
    assert tab.ask("document.documentElement.scrollWidth") <= 360
    (tmp_path / "junk.nii").write_bytes(b"no image" * 99)
    tab.upload("document.querySelector('#sources input')", tmp_path / "junk.nii")
    tab.ask("document.querySelector('#work button').click()")
    tab.wait("document.querySelector('#state').textContent.includes('E006')")
    tab.upload("document.querySelector('#sources input')", SOURCE)
    tab.ask("document.querySelector('#work button').click()")
    tab.wait("document.querySelector('#jobs li p').textContent === 'done'")
    assert tab.ask("document.documentElement.scrollWidth") <= 360
    tab.download_to(tmp_path)
    tab.ask(
        "[...document.querySelectorAll('#jobs button')].find(one => one.textContent.includes('volume')).click()"
    )
    tab.ask("document.querySelector('#jobs button:last-child').click()")
    tab.wait("!document.querySelector('#jobs li')")
    assert tab.ask("document.querySelector('#state').textContent") == ""
    assert {address.split("/")[2] for address in tab.fetched if address.startswith("http")} == {
        f"{served.host}:{served.port}"
    }
