"""The page of the gate shows what was measured, and what was measured keeps what the gate promises."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_gate", ROOT / "tools" / "check_gate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    data = json.loads((ROOT / "docs/results/checks/gate.json").read_text(encoding="utf-8"))
    assert isinstance(data, dict)
    return data


def test_the_page_shows_the_figures(tool: ModuleType, figures: dict[str, Any]) -> None:
    page = (ROOT / "docs/concepts/gate.md").read_text(encoding="utf-8")
    assert f"{tool.BEGIN}\n{tool.table(figures)}\n{tool.END}" in page


def test_no_other_contrast_and_nothing_spoiled_passed_in_silence(figures: dict[str, Any]) -> None:
    others = [row[name] for run, row in figures["pairs"].items() for name in row if name != run]
    assert len(others) == 30
    assert not any(counts.get("pass") for counts in [*others, *figures["wrong"].values()])


def test_at_most_two_in_a_hundred_right_sources_were_doubted(figures: dict[str, Any]) -> None:
    counts = list(figures["right"].values())
    total = sum(sum(one.values()) for one in counts)
    assert total - sum(one.get("pass", 0) for one in counts) <= 0.02 * total
