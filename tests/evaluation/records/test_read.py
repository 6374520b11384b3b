"""Written evaluations are read through one schema: those from before versions as well, later ones not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from transmodal.errors import InputError
from transmodal.evaluation.records import read as records
from transmodal.evaluation.records.schema import EvaluationFile
from transmodal.evaluation.verify import check as verify

OLD = Path(__file__).parent / "data" / "before-versions"
"""Written by the last version without a schema: a model with a disagreement, an oracle, volumes, strata, a drop."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "evaluation"
    shutil.copytree(OLD, copy)
    return copy


def change(folder: Path, how: Callable[[dict[str, Any]], object]) -> None:
    data = json.loads((folder / records.NAME).read_text())
    how(data)
    (folder / records.NAME).write_text(json.dumps(data))


def test_an_evaluation_from_before_versions_is_read() -> None:
    record = records.read(records.find(OLD))
    assert record.patients == {"case-0": "patient of case-0", "case-1": "patient of case-1"}
    assert list(record.content.provenance.models) == ["a / model"]
    assert record.content.version == 1
    assert record.content.elsewhere is not None
    assert record.content.elsewhere.figures[0].drop is not None
    assert set(record.seconds) == {"a / model", "lookup"}


def test_nothing_is_lost_between_reading_and_writing() -> None:
    data = json.loads((OLD / records.NAME).read_text())
    content = EvaluationFile.model_validate(data)
    assert json.dumps(content.to_json(), indent=1) == json.dumps(data, indent=1)


def test_figures_from_before_versions_are_had_again(
    make_case: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = {case.id: case for case in (make_case(0), make_case(1, masked=False))}
    cohort: Any = SimpleNamespace(
        manifest=SimpleNamespace(name="mine"),
        digest=lambda: "d" * 64,
        cases=lambda _: list(cases.values()),
        case=cases.__getitem__,
        named_for=lambda _: cohort,
    )
    monkeypatch.setattr(verify.Cohort, "open", staticmethod(lambda folder: folder))
    checked = verify.check(OLD, cohort)
    assert (checked.volumes, checked.targets, checked.left_out) == (4 + 2, 2, ())
    assert checked.figures > 100


@pytest.mark.parametrize(
    ("how", "part"),
    [
        (lambda data: data.update(version=2), "of format 2"),
        (lambda data: data.update(version="next"), "of format next"),
        (lambda data: data.update(colour="red"), "with the unknown key colour"),
        (lambda data: data["rows"][3].update(sd=0.1), "with the unknown key rows.3.sd"),
        (lambda data: data["provenance"]["cohort"].update(site="north"), "provenance.cohort.site"),
    ],
)
def test_a_later_format_is_refused_on_one_line(
    folder: Path, how: Callable[[dict[str, Any]], object], part: str
) -> None:
    change(folder, how)
    for read in (records.read, records.read_with_volumes):
        with pytest.raises(InputError) as caught:
            read(folder / records.NAME)
        assert caught.value.code == "E102"
        assert part in str(caught.value)
        assert "expected an evaluation of format 1" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_volumes_without_their_scoring_are_refused(folder: Path) -> None:
    change(folder, lambda data: data.pop("scoring"))
    assert records.read(folder / records.NAME).content.scoring is None
    with pytest.raises(InputError, match="scoring: field required") as caught:
        records.read_with_volumes(folder / records.NAME)
    assert caught.value.code == "E101"
