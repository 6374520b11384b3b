from __future__ import annotations

import pytest
from pydantic import ValidationError

from transmodal.notice import INTENDED_USE
from transmodal.service.jobs import ServiceJob
from transmodal.service.schema import NewJob, answer_of


def test_unknown_keys_are_refused() -> None:
    assert NewJob.model_validate({"model": "fa"}).gate == "refuse"
    for body in (
        {},
        {"model": 1},
        {"model": "a" * 65},
        {"model": "fa", "gate": "off"},
        {"model": "fa", "x": 1},
    ):
        with pytest.raises(ValidationError):
            NewJob.model_validate(body)


def test_addresses_are_told_once_a_job_is_done() -> None:
    job = ServiceJob("1" * 32, "t" * 32, "fa", state="running", sources={"t2": "t2.nii", "t1": "t1.nii"})
    answer = answer_of(job, None, has_page=True)
    assert (answer.result, answer.sidecar, answer.viewer, answer.error) == (None, None, None, None)
    assert answer.sources == ["t1", "t2"]
    assert answer.intended_use == INTENDED_USE
    assert "tttt" not in answer.model_dump_json()
    done = answer_of(ServiceJob("1" * 32, "t" * 32, "fa", state="done"), 5.0, has_page=True)
    assert (done.result, done.viewer) == (f"/jobs/{'1' * 32}/result", f"/view/{'t' * 32}/")
    assert answer_of(ServiceJob("1" * 32, "t" * 32, "fa", state="done"), 5.0, has_page=False).viewer is None
    error = {"code": "E101", "got": "a", "expected": "b", "remedy": "c"}
    failed = answer_of(ServiceJob("1" * 32, "t" * 32, "fa", state="failed", error=error), 5.0, has_page=True)
    assert failed.error is not None
    assert failed.error.model_dump() == error
