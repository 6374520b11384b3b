from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from transmodal.errors import UsageError
from transmodal.notice import INTENDED_USE
from transmodal.viewing import page
from transmodal.viewing.layers import Layer
from transmodal.viewing.page import Scene, parts, single_file
from transmodal.volumes import Volume

NASTY = "</script><script>alert(1)</script><!--\N{LINE SEPARATOR}\"'&"
NOISE = np.random.default_rng(1).integers(0, 30000, (40, 40, 40)).astype(np.int16)


def scene(name: str = "a", voxels: np.ndarray = NOISE) -> Scene:
    return Scene(name, [Layer(name, Volume(voxels, np.eye(4)), "ct", is_synthetic=True)])


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[dict[str, str | None]] = []
        self.policy = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "script":
            self.scripts.append(values)
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"] or ""


def content_of(text: str) -> dict[str, list[dict[str, object]]]:
    block = re.search(r'<script type="application/json" id="scene">(.*?)</script>', text, re.DOTALL)
    assert block is not None
    assert not re.search("[<>&]", block[1])
    return json.loads(block[1])  # type: ignore[no-any-return]


def test_one_file_holds_its_volumes_and_may_ask_for_nothing() -> None:
    text = single_file(scene(), 10_000_000)
    tags = Tags(text)
    assert [script.get("id") for script in tags.scripts] == ["scene", "volume-0", None, None]
    assert not any("src" in script for script in tags.scripts)
    assert tags.policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "connect-src" not in tags.policy
    assert "unsafe" not in tags.policy.split(";")[1]
    assert INTENDED_USE in text
    (layer,) = content_of(text)["layers"]
    assert (layer["synthetic"], layer["unit"], layer["stored"]) == (True, "HU", "")


def test_names_are_escaped_wherever_they_stand() -> None:
    text = single_file(scene(NASTY), 10_000_000)
    assert len(Tags(text).scripts) == len(Tags(single_file(scene(), 10_000_000)).scripts)
    assert "alert(1)</script>" not in text
    assert content_of(text)["layers"][0]["name"] == NASTY


def test_volumes_become_coarser_until_the_file_is_small_enough() -> None:
    whole = single_file(scene(), 10_000_000)
    cap = len(whole) - 60_000
    text = single_file(scene(), cap)
    assert len(text.encode()) <= cap
    (layer,) = content_of(text)["layers"]
    assert layer["stored"] == "1 x 1 x 1"
    assert layer["shape"] < [40, 40, 40]
    with pytest.raises(UsageError, match="--max-size") as caught:
        single_file(scene(), 1_000_000)
    assert caught.value.code == "E001"


def test_a_page_beside_its_script_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page.niivue, "script", lambda: pytest.fail("not needed"))
    text = single_file(scene(), 1_000_000, niivue_at="../niivue.js")
    assert [script["src"] for script in Tags(text).scripts if "src" in script] == ["../niivue.js"]


def test_a_served_page_has_its_parts_by_name() -> None:
    served = parts(scene(NASTY))
    assert set(served) == {"", "viewer.css", "viewer.js", "niivue.js", "volume-0.nii"}
    text = served[""].content.decode()
    tags = Tags(text)
    assert "unsafe" not in tags.policy
    assert [script["src"] for script in tags.scripts if "src" in script] == ["niivue.js", "viewer.js"]
    assert content_of(text)["layers"][0]["place"] == "volume-0.nii"
    assert "patient" not in text.lower().replace(INTENDED_USE.lower(), "").replace(
        "the patient&rsquo;s right", ""
    )
