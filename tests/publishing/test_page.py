from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

import small_pages
from transmodal.notice import INTENDED_USE
from transmodal.publishing import page, runtime
from transmodal.publishing.page import PAGE, WORKER, build_page
from transmodal.publishing.runtime import Runtime, RuntimePart
from transmodal.viewing.scripts import policy_hash


@pytest.fixture(autouse=True)
def _without_ort(monkeypatch: pytest.MonkeyPatch) -> None:
    part = RuntimePart("globalThis.ort = {};", b"program")
    monkeypatch.setattr(runtime, "load", lambda kinds: Runtime("a runtime", dict.fromkeys(kinds, part)))


def test_one_document_holds_its_parts_and_may_ask_for_nothing() -> None:
    text = build_page(small_pages.model(), {"t1": small_pages.head()})
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    words = policy[1].replace("&#x27;", "'")
    assert words.startswith("default-src 'none'; script-src 'sha256-")
    assert "connect-src" not in words
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert script is not None
    assert policy_hash(script[1]) in words
    assert set(
        re.findall(
            r'id="(wasm-cpu|wasm-gpu|ort-cpu|ort-gpu|graph|worker|example-0|example-region|plan)"', text
        )
    ) == {
        "wasm-cpu",
        "ort-cpu",
        "graph",
        "worker",
        "example-0",
        "plan",
    }
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=\"(?!data:)", text)
    assert INTENDED_USE in text
    assert "<title>T1 to FA</title>" in text


def test_a_region_other_than_the_whole_comes_with_the_example() -> None:
    text = build_page(small_pages.model(data={"region": "body"}), {"t1": small_pages.head()})
    assert 'id="example-region"' in text
    plan = re.search(r'id="plan">(.*?)</script>', text, re.DOTALL)
    assert plan is not None
    assert json.loads(plan[1])["example"] == {"region": True}


def test_a_source_that_cannot_be_simulated_has_no_example() -> None:
    text = build_page(small_pages.model(sources=("mr",)))
    assert 'id="example-0"' not in text


@pytest.mark.parametrize("scripts", [PAGE, WORKER], ids=["page", "worker"])
def test_scripts_stand_behind_what_they_import(scripts: tuple[str, ...]) -> None:
    for n, name in enumerate(scripts):
        needed = re.findall(r'from "\./([a-z]+\.mjs)"', page._text(name))
        assert set(needed) <= set(scripts[:n]), name


@pytest.mark.parametrize("scripts", [PAGE, WORKER], ids=["page", "worker"])
def test_scripts_share_no_name(scripts: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "script.js").write_text(page._script(scripts), encoding="utf-8")
    line = [small_pages.find_node(), "--check", tmp_path / "script.js"]
    checked = subprocess.run(line, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
