from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import DTypeLike

from transmodal.cohorts.case import Case
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.prepare.survey import survey_case
from transmodal.cohorts.prepare.validate import check, drop_rgb_channels, read_rgb_notes
from transmodal.errors import InputError
from transmodal.volumes import Volume, io
from transmodal.volumes.geometry.reorient import reorient

MakeCase = Callable[..., Case]
SHAPE = (9, 7, 11)
AFFINE = np.diag([-1.5, 1.25, 2.0, 1.0])


def masked(case: Case, dtype: DTypeLike, value: float, other: float | None = None) -> Case:
    assert case.mask is not None
    voxels = (case.mask.voxels * float(value)).astype(dtype)
    if other is not None:
        voxels[4, 3, 5] = other
    return replace(case, mask=case.mask.with_voxels(voxels))


@pytest.mark.parametrize(
    ("dtype", "value"), [("u1", 1), ("u1", 255), ("i2", -3), ("f4", 0.5), ("f4", -1), (bool, 1), (">i2", 7)]
)
def test_a_mask_is_one_value_beside_nothing(a_case: MakeCase, dtype: DTypeLike, value: float) -> None:
    case = masked(a_case(), dtype, value)
    assert case.mask is not None
    _, voxels = check(case)
    assert voxels["mask"].dtype == np.uint8
    np.testing.assert_array_equal(voxels["mask"], reorient(case.mask).voxels != 0)
    assert set(np.unique(voxels["mask"])) == {0, 1}


@pytest.mark.parametrize(("dtype", "value", "other"), [("u1", 1, 2), ("i2", 5, -5), ("f4", 1, 0.5)])
def test_a_mask_of_two_values_is_refused(
    a_case: MakeCase, dtype: DTypeLike, value: float, other: float
) -> None:
    low, high = sorted((value, other))
    with pytest.raises(InputError, match=f"from {low:g} to {high:g}") as caught:
        check(masked(a_case(), dtype, value, other))
    assert caught.value.code == "E123"


def test_what_lies_right_is_not_copied(a_case: MakeCase) -> None:
    straight = a_case()
    volumes = {name: reorient(volume) for name, volume in straight.volumes.items()}
    turned = Volume(np.asfortranarray(volumes["fa"].voxels), volumes["fa"].affine)
    case = Case("s", "s", {**volumes, "fa": turned})
    oriented, voxels = check(case)
    assert np.shares_memory(voxels["t1"], volumes["t1"].voxels)
    assert not np.shares_memory(voxels["fa"], turned.voxels)
    for name, volume in check(Case("s", "s", straight.volumes))[0].items():
        np.testing.assert_array_equal(volume.voxels, voxels[name])
        np.testing.assert_array_equal(volume.affine, oriented[name].affine)
        assert voxels[name].flags.c_contiguous


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_one_voxel_that_is_no_number_is_found(a_case: MakeCase, wrong: float) -> None:
    case = a_case()
    case.volumes["fa"].voxels[2, 3, 4] = wrong
    with pytest.raises(InputError, match=r"fa has 1 voxels .* first at \(2, 3, 4\)") as caught:
        check(case)
    assert caught.value.code == "E120"


@pytest.mark.parametrize("ending", [".nii.gz", ".nii"])
def test_grey_stored_as_rgb_is_prepared_as_grey(ending: str, tmp_path: Path) -> None:
    """RGB of three equal channels used to become an image in colour, and a mask of it was refused."""
    grey = (np.arange(np.prod(SHAPE)).reshape(SHAPE) % 250).astype(np.uint8)
    inside = ((grey > 40) * 255).astype(np.uint8)
    paths = {}
    for what, voxels in {"mr": grey, "mask": inside, "colour": grey}.items():
        paths[what] = tmp_path / f"{what}{ending}"
        io.write(Volume(np.stack([voxels] * 3, axis=-1), AFFINE), paths[what])
    case = CaseFiles("s01", "s01", {what: paths[what] for what in ("mr", "colour")}, paths["mask"])
    cohort = prepare([case], tmp_path / "cohort", PrepareOptions(counts=(1, 0, 0)))
    (kept,) = cohort.cases()
    np.testing.assert_array_equal(kept.volume("mr").voxels, grey[::-1])  # LAS is turned to RAS
    assert kept.volume("colour").is_colour  # the modality that is in colour, whatever is in it
    assert read_rgb_notes(kept.entry.notes) == ["mr"]  # masks are read as grey
    assert any(line.endswith("grey stored as RGB") for line in survey_case(case).images)


def test_images_in_colour_stay_in_colour() -> None:
    tinted = np.zeros((*SHAPE, 3), np.uint8)
    tinted[..., 0] = 9
    case = Case("s01", "s01", {"mr": Volume(tinted, AFFINE)}, Volume(tinted, AFFINE))
    assert drop_rgb_channels(case) is case
    with pytest.raises(InputError) as caught:
        check(case)
    assert caught.value.code == "E122"
