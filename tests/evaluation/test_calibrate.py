"""Calibration: on the validation subjects alone, one value a patient, and none that the run has learned from."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.patient_marks import KEY_ID, MARKS, mark_patients
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError
from transmodal.evaluation.calibrate import CaseErrors, _by_patient, _regions, calibrate, translate_case
from transmodal.inference.intervals import conformal
from transmodal.inference.load import load

EARLIER = Path(__file__).parent.parent / "contract" / "earlier"


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    """Return a copy of a cohort with one validation subject."""
    copy = tmp_path / "cohort"
    shutil.copytree(EARLIER / "cohort", copy)
    return copy


def test_the_errors_are_those_of_the_validation_subjects(cohort: Path) -> None:
    store, model = Cohort.open(cohort), load(EARLIER / "run", device="cpu")
    counts: list[tuple[int, int]] = []
    made = calibrate(model, store, lambda n, total: counts.append((n, total)))
    cases = store.cases("validation")
    assert made.voxels.n_subjects == len(cases) == counts[-1][0]
    assert (made.cohort, made.split, made.score, made.floor) == (
        store.digest(),
        "validation",
        "absolute",
        0.0,
    )
    worst = 0.0
    for case in cases:
        translation, target = translate_case(model, case), case.volume("fa").voxels
        inside = slice(None) if translation.region is None else translation.region.voxels > 0
        worst = max(worst, float(np.abs(target - translation.volume.voxels)[inside].max()))
    assert made.voxels.scores[-1] == pytest.approx(worst, rel=1e-6)
    assert len(made.regions["region"]) == len(cases)
    assert any("--checkpoint last" in note for note in made.notes)
    last = calibrate(load(EARLIER / "run", device="cpu", checkpoint="last"), store)
    assert not any("--checkpoint last" in note for note in last.notes)


def test_several_passes_are_measured_by_their_disagreement(cohort: Path) -> None:
    model = load(EARLIER / "run", device="cpu").with_axes(("x", "z"))
    made = calibrate(model, Cohort.open(cohort))
    assert made.score == "normalised"
    assert made.floor == pytest.approx(0.02 / abs(model.preprocessing.target_map.scale))


def test_subjects_that_the_run_learned_from_calibrate_nothing(cohort: Path) -> None:
    model, store = load(EARLIER / "run", device="cpu"), Cohort.open(cohort)
    keys = store.patient_keys()
    marks = mark_patients(keys, [case.patient for case in store.cases("validation")])
    learned = {**model.provenance, MARKS: sorted(marks.marks), KEY_ID: marks.key}
    with pytest.raises(InputError) as caught:
        calibrate(replace(model, provenance=learned), store)
    assert caught.value.code == "E135"


def test_without_validation_subjects_nothing_is_calibrated(cohort: Path) -> None:
    path = cohort / "split.json"
    content = json.loads(path.read_text())
    content["train"], content["validation"] = [*content["train"], *content["validation"]], []
    path.write_text(json.dumps(content))
    with pytest.raises(InputError) as caught:
        calibrate(load(EARLIER / "run", device="cpu"), Cohort.open(cohort))
    assert caught.value.code == "E132"


def test_visits_of_one_patient_are_one_subject() -> None:
    def errors(patient: str, error: float) -> CaseErrors:
        return CaseErrors(patient, conformal.condense(np.full(4, error)), {"region": error})

    visits = [errors("a", 1.0), errors("a", 3.0), errors("b", 2.0)]
    assert [len(cases) for cases in _by_patient(visits)] == [2, 1]
    assert _regions(visits) == {"region": (2.0, 3.0)}
