"""A volume lies on its target's grid, or it is refused with the option that mends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.prepare.prepare import prepare
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import TransmodalError
from transmodal.evaluation.predictions.reading import ReadingOptions, is_placeless, read_placed
from transmodal.volumes import Grid, Volume, io
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series
from transmodal.volumes.geometry.reorient import reorient, resample
from transmodal.volumes.reading import Reading

STRICT = ReadingOptions()


@pytest.fixture
def case(heads: Cohort) -> PreparedCase:
    return heads.case("A4")


def _refused(path: Path, case: PreparedCase, options: ReadingOptions = STRICT) -> TransmodalError:
    with pytest.raises(TransmodalError) as refused:
        read_placed(path, case, "ct", options, "the volume of tool for case A4")
    assert "the volume of tool for case A4" in refused.value.got
    return refused.value


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.mha", "a.mhd"])
@pytest.mark.parametrize("orientation", ["LPS", "RAS", "SAL"])
def test_a_volume_may_lie_in_any_orientation(
    tmp_path: Path, case: PreparedCase, synthetic_ct: Callable[[int], Volume], name: str, orientation: str
) -> None:
    made = synthetic_ct(4)
    io.write(reorient(made, orientation), tmp_path / name)
    placed = read_placed(tmp_path / name, case, "ct", STRICT, "")
    assert placed.placing == "same grid"
    assert placed.volume.grid == case.grid
    np.testing.assert_array_equal(placed.volume.voxels, reorient(made).voxels)


def test_a_dicom_series_is_a_folder(
    tmp_path: Path, case: PreparedCase, synthetic_ct: Callable[[int], Volume]
) -> None:
    made = reorient(synthetic_ct(4), "LPS")
    whole = made.with_voxels(np.rint(np.clip(made.voxels, -1024, 3000)).astype(np.int16))
    write_series(whole, tmp_path / "A4", SeriesAbout("CT", "sct", "A4", "1.2.3", "1.2.9"))
    placed = read_placed(tmp_path / "A4", case, "ct", STRICT, "")
    assert placed.placing == "same grid"
    np.testing.assert_array_equal(placed.volume.voxels, reorient(whole).voxels)


def test_colour_is_compared_with_colour(
    tmp_path: Path, head: Callable[[int], tuple[Volume, Volume, Volume]]
) -> None:
    mr, _, mask = head(1)
    draw = np.random.default_rng(1).integers(20, 255, (*mr.voxels.shape, 3))
    levels = Volume((draw * mask.voxels[..., None]).astype(np.uint8), mr.affine)
    for name, volume in {"mr": mr, "colour": levels, "grey": mr}.items():
        io.write(volume, tmp_path / f"{name}.nii.gz")
    images = {name: tmp_path / f"{name}.nii.gz" for name in ("mr", "colour")}
    cohort = prepare([CaseFiles("C1", "C1", images)], tmp_path / "cohort", sides={"C1": "test"})
    placed = read_placed(tmp_path / "colour.nii.gz", cohort.case("C1"), "colour", STRICT, "")
    np.testing.assert_array_equal(placed.volume.voxels, reorient(levels).voxels)
    with pytest.raises(TransmodalError, match="in grey") as refused:
        read_placed(tmp_path / "grey.nii.gz", cohort.case("C1"), "colour", STRICT, "the volume of tool")
    assert refused.value.code == "E122"


def test_another_grid_of_the_same_place_is_resampled_on_request(
    tmp_path: Path, case: PreparedCase, synthetic_ct: Callable[[int], Volume]
) -> None:
    made = synthetic_ct(4)
    finer = made.affine @ np.diag([0.5, 0.5, 0.5, 1])
    io.write(resample(made, Grid((60, 68, 56), finer)), tmp_path / "a.nii.gz")
    error = _refused(tmp_path / "a.nii.gz", case)
    assert error.code == "E130"
    assert "--resample" in error.remedy
    placed = read_placed(tmp_path / "a.nii.gz", case, "ct", ReadingOptions(resamples=True), "")
    assert placed.placing == "resampled"
    inside, own = case.mask(), reorient(made).voxels

    def fit(moved: np.ndarray) -> float:
        return float(np.corrcoef(placed.volume.voxels[inside], moved[inside])[0, 1])

    moved = [fit(np.roll(own, step, axis)) for axis in range(3) for step in (-1, 1)]
    assert fit(own) > max(0.7, *moved)


def test_another_place_is_refused_whatever_is_asked(
    tmp_path: Path, case: PreparedCase, synthetic_ct: Callable[[int], Volume]
) -> None:
    made = synthetic_ct(4)
    moved = made.affine.copy()
    moved[:3, 3] += 50
    io.write(Volume(made.voxels, moved), tmp_path / "a.nii.gz")
    error = _refused(tmp_path / "a.nii.gz", case, ReadingOptions(resamples=True, trusts_shape=True))
    assert error.code == "E130"
    assert "field of view" in error.got


@pytest.mark.parametrize("affine", [np.eye(4), np.diag([-1.0, -1.0, 1.0, 1.0])])
def test_a_lost_affine_is_refused_and_can_be_trusted(
    tmp_path: Path, case: PreparedCase, synthetic_ct: Callable[[int], Volume], affine: np.ndarray
) -> None:
    made = synthetic_ct(4)
    io.write(Volume(made.voxels, affine), tmp_path / "a.nii.gz")
    error = _refused(tmp_path / "a.nii.gz", case)
    assert error.code == "E111"
    assert "--trust-shape" in error.remedy
    assert _refused(tmp_path / "a.nii.gz", case, ReadingOptions(resamples=True)).code == "E111"
    placed = read_placed(tmp_path / "a.nii.gz", case, "ct", ReadingOptions(trusts_shape=True), "")
    assert placed.placing == "shape trusted"
    np.testing.assert_array_equal(placed.volume.voxels, reorient(made).voxels)


def test_a_header_without_forms_can_be_trusted_too(
    tmp_path: Path, case: PreparedCase, synthetic_ct: Callable[[int], Volume]
) -> None:
    made = synthetic_ct(4)
    image = nib.Nifti1Image(made.voxels, None)
    image.header.set_zooms((1, 1, 1))
    nib.save(image, tmp_path / "a.nii.gz")
    error = _refused(tmp_path / "a.nii.gz", case)
    assert error.code == "E111"
    assert "--trust-shape" in error.remedy


def test_a_shape_that_is_not_the_targets_is_not_trusted(
    tmp_path: Path, case: PreparedCase, synthetic_ct: Callable[[int], Volume]
) -> None:
    io.write(Volume(synthetic_ct(4).voxels.transpose(2, 1, 0), np.eye(4)), tmp_path / "a.nii.gz")
    assert _refused(tmp_path / "a.nii.gz", case, ReadingOptions(trusts_shape=True)).code == "E130"


def test_what_is_no_single_grey_finite_volume_is_refused(
    tmp_path: Path, case: PreparedCase, synthetic_ct: Callable[[int], Volume]
) -> None:
    made = synthetic_ct(4)
    broken = made.voxels.copy()
    broken[3, 3, 3] = np.nan
    nib.save(nib.Nifti1Image(broken, made.affine), tmp_path / "nan.nii.gz")
    nib.save(nib.Nifti1Image(np.stack([made.voxels] * 4, axis=3), made.affine), tmp_path / "4d.nii.gz")
    draw = np.random.default_rng(0)
    colour = draw.integers(0, 255, (*made.voxels.shape, 3)).astype(np.uint8)
    io.write(Volume(colour, made.affine), tmp_path / "rgb.nii.gz")
    (tmp_path / "cut.nii.gz").write_bytes(b"nothing")
    codes = {path.name: _refused(path, case).code for path in sorted(tmp_path.iterdir())}
    assert codes == {"4d.nii.gz": "E121", "cut.nii.gz": "E102", "nan.nii.gz": "E120", "rgb.nii.gz": "E122"}
    zero = ReadingOptions(reading=Reading(nonfinite="zero"))
    placed = read_placed(tmp_path / "nan.nii.gz", case, "ct", zero, "")
    assert np.isfinite(placed.volume.voxels).all()


def test_values_are_rescaled_on_request(
    tmp_path: Path, case: PreparedCase, synthetic_ct: Callable[[int], Volume]
) -> None:
    made = synthetic_ct(4)
    io.write(made.with_voxels(((made.voxels + 1024) / 10).astype(np.float32)), tmp_path / "a.nii.gz")
    placed = read_placed(tmp_path / "a.nii.gz", case, "ct", ReadingOptions(slope=10, intercept=-1024), "")
    np.testing.assert_allclose(placed.volume.voxels, reorient(made).voxels, atol=0.01)


def test_a_place_is_lost_where_the_affine_is_an_identity() -> None:
    assert is_placeless(Grid((4, 4, 4), np.eye(4)))
    assert is_placeless(Grid((4, 4, 4), np.diag([-1.0, -1.0, 1.0, 1.0])))
    assert not is_placeless(Grid((4, 4, 4), np.diag([2.0, 1.0, 1.0, 1.0])))
