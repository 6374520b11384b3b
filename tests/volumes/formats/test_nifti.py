"""NIfTI files: declared bombs, and series, scalings and voxels that need a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from nifti_files import saved
from transmodal.errors import InputError, ResourceError, TransmodalError, UsageError
from transmodal.volumes import io
from transmodal.volumes.formats import nifti
from transmodal.volumes.reading import Reading


def test_declared_bombs_are_refused_before_they_are_held(tmp_path: Path) -> None:
    def huge(header: Any) -> None:  # noqa: ANN401
        header["dim"] = [3, 30000, 30000, 30000, 1, 1, 1, 1]

    with pytest.raises(TransmodalError) as refused:
        io.read(saved(tmp_path / "huge.nii.gz", huge))
    assert refused.value.code in ("E401", "E101")
    zeros = saved(tmp_path / "zeros.nii.gz", lambda header: None, np.zeros((128, 128, 64), np.int16))
    assert zeros.stat().st_size < 20_000
    with pytest.raises(ResourceError) as budget:
        nifti.read(zeros, budget_bytes=1 << 20)
    assert budget.value.code == "E401"


@pytest.mark.parametrize(
    ("slope", "inter", "expected"),
    [
        (2.0, -1024.0, "scaled"),
        (0.0, 5.0, "raw"),
        (np.nan, 0.0, "raw"),
        (0.01, 0.0, "scaled"),
        (-1.0, 3.0, "scaled"),
    ],
)
def test_scaling_is_applied_once(slope: float, inter: float, expected: str, tmp_path: Path) -> None:
    def scale(header: Any) -> None:  # noqa: ANN401
        header["scl_slope"], header["scl_inter"] = slope, inter

    volume = io.read(saved(tmp_path / "s.nii.gz", scale))
    raw = np.arange(60).reshape(3, 4, 5)
    if expected == "raw":
        assert volume.voxels.dtype == np.int16
        np.testing.assert_array_equal(volume.voxels, raw)
    else:
        np.testing.assert_allclose(volume.voxels, raw * slope + inter, rtol=1e-6)


def test_series_need_a_frame(tmp_path: Path) -> None:
    series = np.random.default_rng(0).integers(0, 9, (3, 4, 5, 3)).astype(np.int16)
    nib.save(nib.Nifti1Image(series, np.eye(4)), tmp_path / "s.nii.gz")
    with pytest.raises(InputError, match="--frame") as refused:
        io.read(tmp_path / "s.nii.gz")
    assert refused.value.code == "E121"
    np.testing.assert_array_equal(io.read(tmp_path / "s.nii.gz", Reading(frame=2)).voxels, series[..., 2])
    with pytest.raises(UsageError):
        io.read(tmp_path / "s.nii.gz", Reading(frame=3))
    nib.save(nib.Nifti1Image(series[..., :1], np.eye(4)), tmp_path / "one.nii.gz")
    np.testing.assert_array_equal(io.read(tmp_path / "one.nii.gz").voxels, series[..., 0])


def test_voxels_that_are_not_finite_are_counted(tmp_path: Path) -> None:
    voxels = np.ones((3, 4, 5), np.float32)
    voxels[1, 2, 3], voxels[2, 0, 0] = np.nan, np.inf
    nib.save(nib.Nifti1Image(voxels, np.eye(4)), tmp_path / "n.nii.gz")
    with pytest.raises(InputError, match="2 voxels") as refused:
        io.read(tmp_path / "n.nii.gz")
    assert refused.value.code == "E120"
    assert "1, 2, 3" in str(refused.value)
    zeroed = io.read(tmp_path / "n.nii.gz", Reading(nonfinite="zero")).voxels
    assert zeroed[1, 2, 3] == 0
    assert zeroed.sum() == 58


def test_two_dimensions_and_the_second_format_are_read(tmp_path: Path) -> None:
    plane = np.arange(12, dtype=np.int16).reshape(3, 4)
    nib.save(nib.Nifti1Image(plane, np.eye(4)), tmp_path / "p.nii")
    assert io.read(tmp_path / "p.nii").voxels.shape == (3, 4, 1)
    cube = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    nib.save(nib.Nifti2Image(cube, np.diag([1, 2, 3, 1])), tmp_path / "two.nii.gz")
    np.testing.assert_array_equal(io.read(tmp_path / "two.nii.gz").voxels, cube)


def test_the_description_marks_what_is_synthetic(tmp_path: Path) -> None:
    volume = io.read(saved(tmp_path / "v.nii", lambda header: None))
    io.write(volume, tmp_path / "w.nii.gz", description="SYNTHETIC transmodal")
    assert bytes(nib.load(tmp_path / "w.nii.gz").header["descrip"].tobytes()).startswith(
        b"SYNTHETIC transmodal"
    )
