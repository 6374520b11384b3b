from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from transmodal.cohorts.prepare.remarks import cohort_lines, has_faults, survey_lines
from transmodal.cohorts.prepare.survey import CaseSurvey
from transmodal.cohorts.quality.misalignment import Misalignment
from transmodal.cohorts.quality.pair_notes import ContrastPair, write_pairs

OFF = {ContrastPair("t1", "ct"): Misalignment(8.2, 0.5, 0.4)}
ODD = "look at a: ct lies about 8 mm off t1: register it onto t1's grid, or mend its header"


def test_a_survey_lists_images_faults_and_pairs() -> None:
    surveys = [
        CaseSurvey("a", "p1", ("t1: small", "ct: small"), (), ("the bias field",), OFF),
        CaseSurvey("b", "p2", ("t1: small",), ("no ct",)),
    ]
    assert list(survey_lines(surveys, ["c: no t1"], ["x.txt"])) == [
        "a (patient p1)",
        "  t1: small",
        "  ct: small",
        "  to do: the bias field",
        "b (patient p2)",
        "  t1: small",
        "  wrong: no ct",
        "  left out: c: no t1",
        "  ignored: x.txt",
        ODD,
        "2 cases, 1 with something wrong; 1 left out. Nothing was written.",
    ]
    assert has_faults(surveys, strict_pairs=False)
    assert has_faults(surveys[:1], strict_pairs=True)
    assert not has_faults(surveys[:1], strict_pairs=False)


def test_a_cohort_says_what_was_assumed_and_what_to_look_at() -> None:
    notes = {
        "a": {"assumed_spacing_mm": 1.0, "registration_mm": 0.5, "ct grey_stored_as_rgb": 1.0},
        "b": {"registration_mm": 1.25, "fa_outside": 0.002},
    }
    notes["a"] |= write_pairs(OFF)
    cases = [SimpleNamespace(id=case, notes=own) for case, own in notes.items()]
    cohort: Any = SimpleNamespace(
        repaired={"c": "fa.npy"},
        split=SimpleNamespace(by="within-subject"),
        manifest=SimpleNamespace(cases=cases),
    )
    assert list(cohort_lines(cohort)) == [
        "damaged and repaired from its source: c (fa.npy)",
        "within-subject: slabs of one body stand on all sides; figures hold for this body alone",
        "grey stored as RGB, taken as grey: ct of 1 case",
        "spacing not said, taken as 1 mm: 1 case, which a recipe with another data.spacing_mm refuses. Prepare them "
        "again with --with spacing_mm=WITHIN,BETWEEN.",
        "registered: 2 cases; the two directions differ most, in mm, for b 1.25, a 0.50",
        "fa outside [0, 1]: 1 case; most voxels in b 0.2 %",
        ODD,
    ]
