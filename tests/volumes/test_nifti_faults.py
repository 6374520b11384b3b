"""NIfTI headers that contradict themselves, and series, scalings and voxels that need a word."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np
import pytest

from transmodal.errors import InputError, ResourceError, TransmodalError, UsageError
from transmodal.volumes import io
from transmodal.volumes.formats import nifti
from transmodal.volumes.reading import Reading

Change = Callable[[Any], None]


def saved(path: Path, change: Change, voxels: np.ndarray | None = None) -> Path:
    """Write a plain image whose raw header was changed."""
    data = np.arange(60, dtype=np.int16).reshape(3, 4, 5) if voxels is None else voxels
    image = nib.Nifti1Image(data, np.diag([2.0, 2.0, 2.0, 1.0]))
    image.header.set_sform(image.affine, 1)
    image.header.set_qform(image.affine, 1)
    raw = bytearray(image.to_bytes())
    header = nib.Nifti1Header(bytes(raw[:348]), check=False)
    change(header)
    raw[:348] = header.binaryblock
    path.write_bytes(gzip.compress(bytes(raw)) if path.name.endswith(".gz") else bytes(raw))
    return path


def setter(key: str, value: object, index: int | None = None) -> Change:
    def change(header: Any) -> None:  # noqa: ANN401
        if index is None:
            header[key] = value
        else:
            array = header[key].copy()
            array[index] = value
            header[key] = array

    return change


def disagreeing(header: Any) -> None:  # noqa: ANN401
    header["srow_x"] = [-1, 0, 0, 0]


def unplaced(header: Any) -> None:  # noqa: ANN401
    header["sform_code"] = 0
    header["qform_code"] = 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (disagreeing, "E110"),
        (unplaced, "E111"),
        (setter("pixdim", -1.0, 1), "E103"),
        (setter("pixdim", 0.0, 2), "E103"),
        (setter("pixdim", np.nan, 3), "E103"),
        (setter("scl_slope", np.inf), "E103"),
        (setter("dim", 0, 2), "E124"),
        (setter("dim", -4, 2), "E103"),
        (setter("dim", 12, 0), "E103"),
        (setter("datatype", 32), "E123"),
        (setter("datatype", 999), "E123"),
        (setter("magic", b"ni1"), "E102"),
        (setter("srow_x", [np.nan, 0, 0, 0]), "E1"),
    ],
)
def test_headers_that_make_no_sense(change: Change, code: str, tmp_path: Path) -> None:
    for suffix in (".nii", ".nii.gz"):
        with pytest.raises(InputError) as refused:
            io.read(saved(tmp_path / f"bad{suffix}", change))
        assert refused.value.code.startswith(code)


def test_the_user_may_say_which_form_to_believe(tmp_path: Path) -> None:
    path = saved(tmp_path / "two.nii", disagreeing)
    assert io.read(path, Reading(orientation_from="qform")).spacing == pytest.approx((2.0, 2.0, 2.0))
    assert io.read(path, Reading(orientation_from="sform")).spacing == pytest.approx((1.0, 2.0, 2.0))


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "PIR", "SLA"])
def test_the_user_may_say_how_an_image_lies(orientation: str, tmp_path: Path) -> None:
    volume = io.read(saved(tmp_path / "none.nii", unplaced), Reading(assume_orientation=orientation))
    assert volume.orientation == orientation
    assert volume.spacing == pytest.approx((2.0, 2.0, 2.0))
    with pytest.raises(UsageError):
        io.read(tmp_path / "none.nii", Reading(assume_orientation="RRS"))


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


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("number", [1e160, 1e300])
@pytest.mark.parametrize("believed", [None, "sform"])
def test_a_step_beyond_all_places_is_refused_without_a_warning(
    number: float, believed: Literal["sform"] | None, tmp_path: Path
) -> None:
    image = nib.Nifti2Image(np.zeros((3, 4, 5), np.int16), np.eye(4))
    raw = bytearray(image.to_bytes())
    header = nib.Nifti2Header(bytes(raw[:540]), check=False)
    header["srow_x"], header["sform_code"], header["qform_code"] = [number, 0, 0, 0], 1, 0
    raw[:540] = header.binaryblock
    (tmp_path / "a.nii").write_bytes(raw)
    with pytest.raises(InputError) as refused:
        io.read(tmp_path / "a.nii", Reading(orientation_from=believed))
    assert refused.value.code == ("E112" if believed else "E110")
