from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lumpy_heads import Maker
from shifted_targets import SUBJECT, Shifted
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.prepare.prepare import prepare
from transmodal.errors import UsageError
from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.cohort_report import page as cohort_page
from transmodal.evaluation.drawing.viewer_pages import add_page, open_pages
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.report import page as report
from transmodal.viewing.folder import ViewerFolder
from transmodal.volumes import Volume

Make = Callable[..., Any]


def layers(page: Path) -> list[dict[str, Any]]:
    text = page.read_text(encoding="utf-8").split('id="scene">')[1].split("</script>")[0]
    return json.loads(text)["layers"]  # type: ignore[no-any-return]


def test_pages_are_written_where_they_are_asked_for(tmp_path: Path) -> None:
    assert open_pages(tmp_path, is_requested=False) is None
    assert isinstance(open_pages(tmp_path, is_requested=True), ViewerFolder)
    with pytest.raises(UsageError) as refused:
        open_pages(None, is_requested=True)
    assert refused.value.code == "E004"


def test_every_evaluated_case_has_a_page_and_the_report_links_to_it(make_case: Make, tmp_path: Path) -> None:
    entrants = Participants([Shifted("unet", 0.01)], [Shifted("lookup", 0.02)])
    pages = open_pages(tmp_path, is_requested=True)
    task = replace(SUBJECT, simulated=("fa",))
    evaluation = evaluate_cases(entrants, [make_case(n) for n in range(4)], task, pages=pages)
    text = report.page(evaluation)
    for n in range(4):
        address = f"viewer/000{n + 1}-case-{n}.html"
        assert f'<a href="{address}">case-{n}</a>' in text
        assert (tmp_path / address).is_file()
    assert text.count("open in the viewer") == len(evaluation.gallery)
    assert "at most 3 MB" in text
    shown = layers(tmp_path / "viewer/0001-case-0.html")
    assert [(one["name"], one["role"], one["synthetic"]) for one in shown] == [
        ("target FA", "volume", True),
        ("T1", "volume", False),
        ("unet", "volume", True),
        ("unet minus target FA", "difference", True),
        ("lookup", "volume", True),
        ("lookup minus target FA", "difference", True),
    ]


def test_a_report_without_pages_links_to_none(make_case: Make) -> None:
    evaluation = evaluate_cases(Participants([Shifted("unet", 0.01)], []), [make_case(0)], SUBJECT)
    page = report.page(evaluation)
    assert 'href="viewer/' not in page
    assert "in the viewer" not in page


def test_colour_and_disagreements_are_shown(make_case: Make, tmp_path: Path) -> None:
    case, pages = make_case(0), ViewerFolder(tmp_path)
    colour = Volume(np.full((*case.grid.shape, 3), 30, np.uint8), case.grid.affine)
    task = replace(SUBJECT, target="colour")
    made = colour.with_voxels(colour.voxels + np.float32(0.6))
    add_page(pages, case, task, colour, {"unet": made}, {"unet": made})
    shown = layers(tmp_path / pages.addresses[case.id])
    assert [(one["colour"], one["role"]) for one in shown] == [
        (True, "volume"),
        (False, "volume"),
        (True, "volume"),
        (False, "difference"),
        (False, "spread"),
    ]


def test_every_case_of_a_cohort_has_a_page(tmp_path: Path) -> None:
    cohort = prepare([Maker(0), Maker(1)], tmp_path / "two", PrepareOptions(counts=(1, 1, 0)))
    text = cohort_page.write(cohort, has_viewer=True).read_text(encoding="utf-8")
    for n, entry in enumerate(cohort.manifest.cases, start=1):
        address = f"viewer/000{n}-{entry.id}.html"
        assert text.count(f'<a href="{address}">') == 2
        assert {one["name"] for one in layers(cohort.folder / address)} == {"T1", "CT"}
    assert "viewer/" not in cohort_page.write(cohort).read_text(encoding="utf-8")
