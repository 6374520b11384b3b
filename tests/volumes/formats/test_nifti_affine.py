"""Where a NIfTI image lies: forms that contradict themselves are refused, and the user may say which to believe."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import nibabel as nib
import numpy as np
import pytest

from nifti_files import Change, disagreeing, saved, setter, unplaced
from transmodal.errors import InputError, UsageError
from transmodal.volumes import Grid, Volume, io
from transmodal.volumes.formats import nifti_affine
from transmodal.volumes.reading import Reading


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (disagreeing, "E110"),
        (unplaced, "E111"),
        (setter("pixdim", -1.0, 1), "E103"),
        (setter("pixdim", 0.0, 2), "E103"),
        (setter("pixdim", np.nan, 3), "E103"),
        (setter("srow_x", [np.nan, 0, 0, 0]), "E1"),
    ],
)
def test_forms_that_make_no_sense_are_refused(change: Change, code: str, tmp_path: Path) -> None:
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


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "PIR"])
def test_an_assumed_grid_is_centred_on_0(orientation: str) -> None:
    affine = nifti_affine.assumed_affine(np.array([1.0, 2.0, 3.0]), (5, 4, 3), orientation)
    assert Volume(np.zeros((5, 4, 3), np.int16), affine).orientation == orientation
    np.testing.assert_allclose(affine @ [2, 1.5, 1, 1], [0, 0, 0, 1])


def test_a_sheared_grid_stands_in_the_sform_alone() -> None:
    header, sheared = nib.Nifti1Header(), np.eye(4)
    sheared[0, 1] = 0.4
    nifti_affine.write_forms(header, Grid((9, 9, 9), sheared))
    assert (int(header["sform_code"]), int(header["qform_code"])) == (2, 0)
    nifti_affine.write_forms(header, Grid((9, 9, 9), np.eye(4)), "mni")
    assert (int(header["sform_code"]), int(header["qform_code"])) == (4, 2)


def test_the_atlas_is_of_the_form_that_is_believed() -> None:
    header = nib.Nifti1Header()
    header["sform_code"], header["qform_code"] = 4, 3
    assert [nifti_affine.space_of(header, form) for form in (None, "sform", "qform")] == [
        "mni",
        "mni",
        "talairach",
    ]
    header["sform_code"], header["qform_code"] = 1, 0
    assert nifti_affine.space_of(header, None) == ""
