"""The study of metrics: finds planted blindness and preference, and nothing in images that nothing was done to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from transmodal.errors import InputError, UsageError
from transmodal.experiments.study.record import StudyRecord
from transmodal.experiments.study.run import study
from transmodal.experiments.study.studies.metrics import answers, costs
from transmodal.experiments.study.studies.metrics.distortions import distortions

OPTIONS = {"modality": "fa", "metrics": ["mae", "pcc"], "cases": 2}


def figures(record: StudyRecord, table: str) -> Mapping[tuple[str, str, str], float | None]:
    return {(figure.row, figure.group, figure.figure): figure.value for figure in record.of_table(table)}


def test_a_planted_effect_is_found(cohort: Path, tmp_path: Path) -> None:
    record = study("metrics", (), cohort, output=tmp_path / "s", options=OPTIONS)
    seen = figures(record, "Steps that are seen")
    assert seen["mae 3D", "", "gain"] == 1
    assert seen["pcc 3D", "", "gain"] is not None
    assert seen["pcc 3D", "", "gain"] < 0.5  # a correlation knows no gain
    assert seen["pcc 3D", "", "noise"] == 1
    equal = figures(record, "Noise of equal cost")
    assert equal["pcc 3D", "", "gain"] == pytest.approx(0, abs=1e-3)
    assert any("pcc 3D does not see gain" in sentence for sentence in record.findings)
    assert [omission.part for omission in record.omissions] == ["lesion removed"]
    assert {chart.figure for chart in record.charts} == {"mae 3D"}
    assert (tmp_path / "s" / "study.html").is_file()
    again = study("metrics", (), cohort, output=tmp_path / "s", options=OPTIONS)
    assert again.figures == record.figures


def test_nothing_is_found_where_nothing_was_planted(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = tuple(
        kind._replace(make=lambda scene, _: scene.image) if kind.name != "noise" else kind
        for kind in distortions()
    )
    for module in (answers, costs):
        monkeypatch.setattr(module, "distortions", lambda: idle)
    record = study("metrics", (), cohort, output=tmp_path / "s", options=OPTIONS)
    for name in (kind.name for kind in idle if kind.name != "noise"):
        assert figures(record, "Steps that are seen")["mae 3D", "", name] == 0
        assert figures(record, "Noise of equal cost")["mae 3D", "", name] == 0
    assert not any(figures(record, "Preferences").values())


@pytest.mark.parametrize(
    ("options", "code"),
    [({}, "E001"), ({"modality": "f"}, "E002"), ({"modality": "fa", "metrics": ["maee"]}, "E002")],
)
def test_what_it_cannot_take_is_refused(
    cohort: Path, tmp_path: Path, options: Mapping[str, object], code: str
) -> None:
    with pytest.raises(UsageError) as refused:
        study("metrics", (), cohort, output=tmp_path / "s", options=options)
    assert refused.value.code == code


def test_a_side_without_cases_is_refused(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transmodal.cohorts.store import Cohort

    monkeypatch.setattr(Cohort, "cases", lambda self, split: [])
    with pytest.raises(InputError, match="no test case"):
        study("metrics", (), cohort, output=tmp_path / "s", options=OPTIONS)
