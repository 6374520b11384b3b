"""A BIDS dataset as jobs: one for each session with the sources, named as derivatives are."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from transmodal.commands import _bids
from transmodal.errors import InputError, UsageError
from transmodal.inference.preprocessing import Preprocessing
from transmodal.volumes import Volume, io
from transmodal.volumes.reading import STRICT

Make = Callable[..., Preprocessing]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Two subjects with T1, of which one has T2 too, and one with T2 alone."""
    folder = tmp_path / "dataset"
    for name in ("sub-01_T1w", "sub-02_T1w", "sub-02_T2w", "sub-03_T2w"):
        place = folder / name[:6] / "anat" / f"{name}.nii.gz"
        place.parent.mkdir(parents=True, exist_ok=True)
        io.write(Volume(np.ones((4, 4, 4), np.int16), np.eye(4)), place)
    (folder / "dataset_description.json").write_text('{"Name": "heads", "BIDSVersion": "1.10.0"}')
    return folder


def test_each_session_with_the_source_is_a_job(
    dataset: Path, preprocessing: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        jobs = _bids.jobs(dataset, preprocessing("t1"), tmp_path / "out", STRICT)
    assert [(job.name, job.patient) for job in jobs] == [("sub-01", "sub-01"), ("sub-02", "sub-02")]
    assert jobs[0].output.relative_to(tmp_path / "out") == Path(
        "sub-01/dwi/sub-01_param-fa_desc-synthetic_dwimap.nii.gz"
    )
    assert jobs[1].about["Sources"] == ["bids:source:sub-02/anat/sub-02_T1w.nii.gz"]
    assert "sub-03" in caplog.text


def test_a_session_without_every_source_is_left_out(
    dataset: Path, preprocessing: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        (job,) = _bids.jobs(dataset, preprocessing("t1", "t2"), tmp_path / "out", STRICT)
    assert (job.name, sorted(job.paths)) == ("sub-02", ["t1", "t2"])
    assert "not translated: sub-01" in caplog.text


def test_a_session_with_some_sources_is_a_job_where_the_others_may_be_missing(
    dataset: Path, preprocessing: Make, tmp_path: Path
) -> None:
    (dataset / "sub-04/anat").mkdir(parents=True)
    io.write(Volume(np.ones((4, 4, 4), np.int16), np.eye(4)), dataset / "sub-04/anat/sub-04_FLAIR.nii.gz")
    sources = preprocessing("t1", "t2", accepts_missing=True)
    jobs = _bids.jobs(dataset, sources, tmp_path / "out", STRICT)
    assert {job.name: sorted(job.paths) for job in jobs} == {
        "sub-01": ["t1"],
        "sub-02": ["t1", "t2"],
        "sub-03": ["t2"],
    }


def test_subjects_are_chosen_with_and_without_their_prefix(
    dataset: Path, preprocessing: Make, tmp_path: Path
) -> None:
    for word in ("02", "sub-02"):
        (job,) = _bids.jobs(dataset, preprocessing("t1"), tmp_path / "out", STRICT, _bids.Selection((word,)))
        assert job.patient == "sub-02"
    with pytest.raises(InputError, match="no subject sub-04") as refused:
        _bids.jobs(dataset, preprocessing("t1"), tmp_path / "out", STRICT, _bids.Selection(("04",)))
    assert refused.value.code == "E132"


def test_a_dataset_without_the_sources_is_refused(dataset: Path, preprocessing: Make, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        _bids.jobs(dataset, preprocessing("t1"), tmp_path / "out", STRICT, _bids.Selection(("03",)))
    assert refused.value.code == "E131"
    with pytest.raises(UsageError) as named:
        _bids.jobs(dataset, preprocessing("t1"), tmp_path / "fa.nii.gz", STRICT)
    assert named.value.code == "E005"


def test_derivatives_say_what_they_are(dataset: Path, tmp_path: Path) -> None:
    _bids.open_derivatives(dataset, tmp_path / "out", "fa")
    description = json.loads((tmp_path / "out" / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"
    assert description["Name"] == "Synthetic fa"
    _bids.check_derivatives(tmp_path / "out")
    with pytest.raises(InputError, match="raw data"):
        _bids.check_derivatives(dataset)
