"""The gate's options, and how its outcomes are counted over several jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorded_progress import RecordedProgress
from transmodal.commands import _gate
from transmodal.commands._jobs import Job
from transmodal.errors import InputError, UsageError

JOBS = [Job(f"case-{n}", {"t1": Path(f"{n}.nii.gz")}, Path(f"out-{n}.nii.gz")) for n in range(8)]
REFUSED = InputError("E140", "a CT for t1", "t1", "Look at it.")


def test_options_choose_the_policy() -> None:
    assert [_gate.policy(strict=s, force=f) for s, f in ((False, False), (True, False), (False, True))] == [
        "refuse",
        "strict",
        "warn",
    ]
    with pytest.raises(UsageError) as refused:
        _gate.policy(strict=True, force=True)
    assert refused.value.code == "E004"


def test_facts_are_read_from_names_and_a_lone_job_is_not_named() -> None:
    job = Job("sub-01", {"t1": Path("sub-01_T2w.nii.gz")}, Path("out.nii.gz"))
    gate = _gate.of(job, "strict", alone=False)
    assert (gate.policy, gate.name) == ("strict", "sub-01")
    assert gate.facts["t1"].modality == "t2"
    assert _gate.of(job, "off", alone=True).name == ""


def test_outcomes_are_counted() -> None:
    tally, progress = _gate.GateTally(JOBS[:3]), RecordedProgress()
    for outcome in ("pass", "warn", "pass"):
        tally.add(outcome)
    tally.report(progress)
    assert progress.lines == ["gate: 2 pass, 1 warn"]


def test_refused_jobs_are_named_once_the_others_are_through(capsys: pytest.CaptureFixture[str]) -> None:
    tally, progress = _gate.GateTally(JOBS), RecordedProgress()
    for job in JOBS[1:7]:
        tally.refuse(job, REFUSED)
    tally.add("pass")
    with pytest.raises(InputError, match="6 of 8 refused at the gate: case-1") as refused:
        tally.report(progress)
    assert refused.value.code == "E141"
    assert "and more" in refused.value.got
    assert capsys.readouterr().err.count("error[E140]") == 6
    assert progress.lines == ["gate: 1 pass"]


def test_a_lone_job_and_other_errors_end_the_verb() -> None:
    for jobs, error in ((JOBS[:1], REFUSED), (JOBS, InputError("E120", "a NaN", "numbers", "Repair it."))):
        with pytest.raises(InputError) as raised:
            _gate.GateTally(jobs).refuse(jobs[0], error)
        assert raised.value is error
