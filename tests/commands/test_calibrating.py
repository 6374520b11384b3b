"""Calibrated runs and the intervals of their translations, from file to file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import transmodal
from recorded_progress import RecordedProgress
from transmodal.errors import InputError, TransmodalError, UsageError
from transmodal.volumes import Volume

SOURCE = "source-t1.nii.gz"


def test_an_interval_is_written_verified_kept_and_made_again(folders: Path) -> None:
    calibrated = transmodal.calibrate("run", "cohort")
    assert calibrated.path == Path("run/calibration.json")
    assert calibrated.calibration.voxels.n_subjects == 1
    (image,) = transmodal.translate("run", SOURCE, "fa.nii.gz", interval=0.5, gate="off")
    middle, lower, upper = (
        transmodal.read(name).voxels for name in ("fa.nii.gz", "fa_lower.nii.gz", "fa_upper.nii.gz")
    )
    width = json.loads(image.sidecar.read_text())["interval"]["factor"]
    np.testing.assert_allclose(upper.max(), min(1.0, middle.max() + width), rtol=1e-5)
    assert (lower <= middle + 1e-6).all()
    assert (upper >= middle - 1e-6).all()
    assert lower.min() >= 0
    record = json.loads(image.sidecar.read_text())
    assert (record["interval"]["level"], record["interval"]["subjects"]) == (0.5, 1)
    assert record["interval"]["promise"] in json.loads(Path("fa_lower.json").read_text())["shows"]
    assert transmodal.verify("fa.nii.gz", run="run").is_whole
    assert transmodal.reproduce("fa.json", SOURCE).is_equal
    progress = RecordedProgress()
    transmodal.translate("run", SOURCE, "fa.nii.gz", interval=0.5, gate="off", progress=progress)
    assert "is already there" in progress.lines[0]
    with pytest.raises(UsageError, match="exists"):
        transmodal.translate("run", SOURCE, "fa.nii.gz", interval=0.4, gate="off")
    # An end that was changed is found.
    transmodal.write(Volume(upper * np.float32(2), transmodal.read("fa.nii.gz").affine), "fa_upper.nii.gz")
    assert not transmodal.verify("fa.nii.gz").is_whole


def test_the_calibration_is_of_the_very_passes_runs_and_checkpoint(folders: Path) -> None:
    shutil.copytree("run", "second")
    shutil.rmtree("second/checkpoints/best")
    Path("second/checkpoints/last").rename("second/checkpoints/best")

    def refusal(**words: object) -> str:
        with pytest.raises(TransmodalError) as caught:
            transmodal.translate("run", SOURCE, "fa.nii.gz", interval=0.5, gate="off", **words)  # type: ignore[arg-type]
        assert not Path("fa.nii.gz").exists()
        return caught.value.code

    assert refusal() == "E142"
    transmodal.calibrate("run", "cohort")
    assert refusal(axes="x,z") == refusal(flips="x") == refusal(with_run="second") == "E142"
    assert refusal(checkpoint="last") == "E142"
    with pytest.raises(InputError, match="at least 19"):
        transmodal.translate("run", SOURCE, "fa.nii.gz", interval=0.95, gate="off")
    with pytest.raises(UsageError, match="a level of 95"):
        transmodal.translate("run", SOURCE, "fa.nii.gz", interval=95, gate="off")
    with pytest.raises(UsageError, match="--interval with --as dicom"):
        transmodal.translate("run", SOURCE, "fa", interval=0.5, gate="off", form="dicom")
    words = {"with_run": "second", "axes": "x,z"}
    calibrated = transmodal.calibrate("run", "cohort", **words)  # type: ignore[arg-type]
    assert calibrated.calibration.score == "normalised"
    (image,) = transmodal.translate("run", SOURCE, "fa.nii.gz", interval=0.5, gate="off", **words)  # type: ignore[arg-type]
    assert Path("fa_lower.nii.gz").exists()
    assert json.loads(image.sidecar.read_text())["interval"]["floor"] > 0
    assert transmodal.reproduce("fa.json", SOURCE).is_equal


def test_a_run_in_one_file_is_not_calibrated(folders: Path) -> None:
    transmodal.export("run", "model.tmz")
    with pytest.raises(UsageError, match="one file") as caught:
        transmodal.calibrate("model.tmz", "cohort")
    assert caught.value.code == "E004"
