"""The record of an evaluation: versions, cohort and figures, in the format of evaluation.json."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from transmodal._version import __version__
from transmodal.cohorts.patient_marks import UNKEYED
from transmodal.evaluation.record import build_provenance, build_record
from transmodal.evaluation.records import schema
from transmodal.notice import INTENDED_USE

Evaluated = Callable[..., Any]


def test_provenance_names_the_tool_the_cohort_and_no_patient(evaluated: Evaluated) -> None:
    evaluation = evaluated(0, 1)
    provenance = build_provenance(evaluation)
    assert provenance.intended_use == INTENDED_USE
    assert provenance.tool.version == __version__
    assert {"python", "numpy", "torch"} <= set(provenance.versions)
    assert provenance.cohort.n_cases == 2
    assert provenance.cohort.oracles_fitted_on == provenance.cohort.name
    marks = tuple(UNKEYED.mark(name) for name in evaluation.task.training_patients)
    assert provenance.cohort.training_patients_sha256 == marks
    assert set(provenance.models) == set(evaluation.models)


def test_a_record_has_every_row_and_the_text_of_every_protocol(evaluated: Evaluated) -> None:
    evaluation = evaluated(0, 1)
    record = build_record(evaluation)
    assert record.version == schema.VERSION
    assert [row.value for row in record.rows] == [row.to_json()["value"] for row in evaluation.rows]
    assert set(record.protocols) == {row.protocol for row in record.rows}
    assert record.scoring is not None
    assert record.scoring.data_range == evaluation.task.data_range
    assert record.uncertainty is None
