"""Brain masks beside another program's: the page shows what was measured, and where it is installed it is asked again."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from transmodal.evaluation.drawing.words import DASH

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_masks", ROOT / "tools" / "check_masks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def content() -> dict[str, Any]:
    data = json.loads((ROOT / "docs/results/checks/brain-masks.json").read_text(encoding="utf-8"))
    assert isinstance(data, dict)
    return data


def test_the_page_shows_the_figures(tool: ModuleType, content: dict[str, Any]) -> None:
    page = (ROOT / "docs/concepts/masks.md").read_text(encoding="utf-8")
    assert f"{tool.BEGIN}\n{tool.table(content)}\n{tool.END}" in page


def test_both_find_the_brain_in_every_head(content: dict[str, Any]) -> None:
    assert len(content["heads"]) == 11
    assert all(value > 0.9 for own in content["heads"].values() for value in own.values())


def test_means_and_the_least_stand_in_the_table(tool: ModuleType) -> None:
    virtual = {"ours_deepbet": 0.9, "ours_truth": 0.95, "deepbet_truth": 0.97}
    heads = {"embedded T1": {"ours_deepbet": 0.98}, "a": virtual, "b": {**virtual, "ours_truth": 0.99}}
    lines = tool.table({"spacing_mm": 1.5, "heads": heads}).splitlines()
    assert lines[2] == f"| embedded T1 | 0.980 | {DASH} | {DASH} |"
    assert lines[3] == (
        "| 2 virtual heads, T1 at 1.5 mm | 0.900 (least 0.900) | 0.970 (least 0.950) | 0.970 (least 0.970) |"
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # how deepbet loads its networks
def test_the_judge_still_says_of_the_embedded_head_what_is_recorded(
    tool: ModuleType, content: dict[str, Any]
) -> None:
    pytest.importorskip("deepbet", reason="needs pip install 'transmodal[judge]'")
    head = next(tool.heads(1))
    assert tool.measure(head, tool.deepbet()) == pytest.approx(content["heads"][head.name], abs=2e-3)
