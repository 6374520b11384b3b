"""The page on splits says what was measured, and what was measured is what is promised."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from transmodal.cohorts.quality import image_similarity
from transmodal.storage import files

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "docs" / "results" / "checks" / "near-duplicates.json"
PAGE = ROOT / "docs" / "how-to" / "splits.md"


def test_page_and_figures_agree() -> None:
    spec = importlib.util.spec_from_file_location("check_duplicates", ROOT / "tools" / "check_duplicates.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    text = PAGE.read_text(encoding="utf-8")
    assert tool.with_section(text, files.read_json(RESULT)) == text, "run tools/check_duplicates.py"


def test_figures_are_those_of_the_thresholds_in_use() -> None:
    thresholds = files.read_json(RESULT)["thresholds"]
    assert thresholds.pop("fixed_on_seed") not in {
        one["seed"] for one in files.read_json(RESULT)["sets"].values()
    }
    assert thresholds == {
        "spectrum": image_similarity.MIN_SPECTRAL,
        "correlation": image_similarity.MIN_CORRELATION,
        "apart_mm": image_similarity.MAX_APART_MM,
    }


def test_all_planted_copies_were_found_and_false_alarms_are_rare() -> None:
    sets = files.read_json(RESULT)["sets"]
    assert (sets["4 mm"]["subjects"], sets["4 mm"]["planted"]) == (500, 150)
    for one in sets.values():
        assert one["found"] == one["planted"]
        assert one["subjects_falsely_alarmed"] <= 0.01 * one["subjects"]
