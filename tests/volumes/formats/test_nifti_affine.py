"""Where a NIfTI image lies: forms that contradict themselves are refused, and the user may say which to believe."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import nibabel as nib
import numpy as np
import pytest

from nifti_files import Change, disagreeing, saved, setter, unplaced
from refusals import refusal
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


@pytest.mark.parametrize("form", ["sform", "qform"])
def test_a_form_of_an_unknown_code_is_taken_only_where_the_user_believes_it(
    form: Literal["sform", "qform"], tmp_path: Path
) -> None:
    path = saved(tmp_path / "code.nii", setter(f"{form}_code", 33))
    with pytest.raises(InputError) as refused:
        io.read(path)
    assert refused.value.code == "E103"
    assert f"--orientation-from {form}" in str(refused.value)
    assert io.read(path, Reading(orientation_from=form)).spacing == pytest.approx((2.0, 2.0, 2.0))


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


SHAPE = (3, 4, 5)
BELIEVE = "Say which to believe: --orientation-from sform or --orientation-from qform."
EXPORT = "Export it again."


def placed(sform: float | None = 2.0, qform: float | None = 2.0, **fields: object) -> nib.Nifti1Header:
    """Return a header whose forms have these steps, where they are coded; fields are set afterwards."""
    header = nib.Nifti1Image(np.zeros(SHAPE, np.int16), None).header
    for step, write in ((qform, header.set_qform), (sform, header.set_sform)):
        if step is not None:
            write(np.diag([step, step, step, 1.0]), 1)
    header["pixdim"][1:4] = 2.0
    for key, value in fields.items():
        header[key] = value
    return header


def affine_of(header: nib.Nifti1Header, believed: nifti_affine.Form | None = None) -> np.ndarray:
    return nifti_affine.affine_of(header, "a.nii", SHAPE, believed, None)


@pytest.mark.parametrize(
    ("header", "line"),
    [
        (
            placed(xyzt_units=4),
            f"error[E103]: a.nii has the spatial unit 4; expected metres, mm or micrometres. {EXPORT}",
        ),
        (
            placed(pixdim=[1, 2, 0, 2, 1, 1, 1, 1]),
            f"error[E103]: a.nii has pixdim [2.0, 0.0, 2.0]; expected positive spacings. {EXPORT}",
        ),
        (
            placed(pixdim=[1, 2, 2, np.inf, 1, 1, 1, 1]),
            f"error[E103]: a.nii has pixdim [2.0, 2.0, inf]; expected positive spacings. {EXPORT}",
        ),
        (
            placed(None, pixdim=[0.5, 2, 2, 2, 1, 1, 1, 1]),
            f"error[E103]: a.nii has qfac 0.5; expected 1 or -1. {EXPORT}",
        ),
        (
            placed(None, quatern_b=1, quatern_c=0.5),
            f"error[E103]: a.nii has a quaternion of squared length 1.25; expected 1. {EXPORT}",
        ),
        (
            placed(None, qoffset_x=np.inf),
            "error[E112]: a.nii has the qform [[2.0, 0.0, 0.0, inf], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]]; "
            f"expected finite numbers. {EXPORT}",
        ),
        (
            placed(srow_y=[0, 2, 0, -np.inf]),
            "error[E112]: a.nii has the sform [[2.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, -inf], [0.0, 0.0, 2.0, 0.0]]; "
            f"expected finite numbers. {EXPORT}",
        ),
        (
            placed(qoffset_y=0.5),
            "error[E110]: a.nii: the corners of sform and qform lie up to 0.5 mm apart; expected one place in space. "
            + BELIEVE,
        ),
        (
            placed(3.0, None),
            "error[E110]: a.nii: the sform has the spacing [3.0, 3.0, 3.0], pixdim [2.0, 2.0, 2.0]; "
            f"expected one place in space. {BELIEVE}",
        ),
        (
            placed(None, None),
            "error[E111]: a.nii does not say how it lies (neither sform nor qform is coded); "
            "expected a coded sform or qform. Say it: --assume-orientation RAS (or what is true).",
        ),
    ],
)
def test_a_refusal_says_what_does_not_agree_and_what_to_do(header: nib.Nifti1Header, line: str) -> None:
    assert refusal(lambda: affine_of(header)) == line


def test_to_believe_a_form_that_is_not_coded_is_refused_where_the_other_contradicts_the_spacing() -> None:
    header = placed(3.0, None)
    assert refusal(lambda: affine_of(header, "qform")) == (
        "error[E004]: a.nii: the sform has the spacing [3.0, 3.0, 3.0], pixdim [2.0, 2.0, 2.0], and no qform is coded; "
        "expected a form that is coded. Take sform."
    )
    assert affine_of(header, "sform")[0, 0] == 3.0
    # Where nothing contradicts, the form that is there says the place, whichever is believed.
    assert affine_of(placed(2.0, None), "qform")[0, 0] == affine_of(placed(None, 2.0), "sform")[0, 0] == 2.0


@pytest.mark.parametrize("form", ["sform", "qform"])
@pytest.mark.parametrize(("code", "mm"), [(0, 1.0), (1, 1000.0), (2, 1.0), (3, 0.001)])
@pytest.mark.parametrize("time", [0, 8, 16])
def test_units_hold_for_steps_and_places(form: str, code: int, mm: float, time: int) -> None:
    header = placed(*((2.0, None) if form == "sform" else (None, 2.0)), xyzt_units=code + time)
    header["qoffset_x"], header["srow_x"] = 7, [2, 0, 0, 7]
    affine = nifti_affine.affine_of(header, "a.nii", (1, 1, 1), None, None)
    np.testing.assert_allclose(np.diag(affine), [2 * mm, 2 * mm, 2 * mm, 1])
    assert affine[0, 3] == pytest.approx(7 * mm)


@pytest.mark.parametrize(("apart", "is_refused"), [(0.0499, False), (0.0501, True)])
def test_forms_agree_to_a_twentieth_of_a_millimetre(apart: float, is_refused: bool) -> None:
    header = placed(qoffset_z=apart)
    sharp = placed(None, 2.0)  # without a turn there is hardly any rounding to allow for
    assert nifti_affine._rounding(sharp, np.full(3, 2.0), SHAPE) < 5e-6
    if is_refused:
        assert "E110" in refusal(lambda: affine_of(header))
    else:
        assert affine_of(header)[2, 3] == 0  # the sform's


@pytest.mark.parametrize(("step", "is_refused"), [(2.0124, False), (2.0126, True)])
def test_an_sform_and_the_spacing_agree_over_all_of_an_axis(step: float, is_refused: bool) -> None:
    header = placed(2.0, None, srow_z=[0, 0, step, 0])  # five slices: 0.05 mm over four steps
    if is_refused:
        assert "E110" in refusal(lambda: affine_of(header))
    else:
        assert affine_of(header)[2, 2] == pytest.approx(step)


def test_an_axis_of_one_voxel_is_held_to_the_tolerance_too() -> None:
    header = placed(2.0, None, srow_z=[0, 0, 2.06, 0])
    assert "E110" in refusal(lambda: nifti_affine.affine_of(header, "a.nii", (3, 4, 1), None, None))


def test_axes_that_a_file_does_not_have_may_be_without_a_step() -> None:
    flat = placed(None, 2.0, dim=[2, 3, 4, 1, 1, 1, 1, 1], pixdim=[1, 2, 2, 0, 0, 0, 0, 0])
    assert np.diag(affine_of(flat)).tolist() == [2, 2, 1, 1]
    line = placed(None, 2.0, dim=[1, 3, 1, 1, 1, 1, 1, 1], pixdim=[1, 2, 0, 3, 0, 0, 0, 0])
    assert np.diag(affine_of(line)).tolist() == [2, 1, 3, 1]
    whole = placed(None, 2.0, dim=[3, 3, 4, 5, 1, 1, 1, 1], pixdim=[1, 2, 2, 0, 0, 0, 0, 0])
    assert "pixdim [2.0, 2.0, 0.0]" in refusal(lambda: affine_of(whole))
    assert "pixdim [2.0, -1.0, 1.0]" in refusal(
        lambda: affine_of(placed(None, dim=[1, 3, 1, 1, 1, 1, 1, 1], pixdim=[1, 2, -1, 0, 0, 0, 0, 0]))
    )


@pytest.mark.parametrize("turn", [(0, 0, 0), (0.1, -0.2, 0.3), (1, 0, 0), (0.6, 0.8, 0), (0, 0, 0.70710678)])
@pytest.mark.parametrize("qfac", [-1, 0, 1])
def test_a_qform_is_as_the_format_s_library_has_it(turn: tuple[float, float, float], qfac: int) -> None:
    header = placed(None, 2.0, qoffset_x=4, qoffset_y=-5, qoffset_z=6)
    header["pixdim"][:4] = [qfac, 2.0, 3.0, 4.0]
    for axis, number in zip("bcd", turn, strict=True):
        header[f"quatern_{axis}"] = number
    expected = placed(None, 2.0, **{key: header[key] for key in header if key != "pixdim"})
    expected["pixdim"][:4] = [qfac or 1, 2.0, 3.0, 4.0]
    np.testing.assert_allclose(affine_of(header), expected.get_qform(), atol=1e-5)


def test_a_turn_that_rounding_made_longer_than_1_is_a_half_turn() -> None:
    header = placed(None, 2.0, quatern_b=np.float32(0.6) + np.float32(1e-6), quatern_c=0.8)
    affine = affine_of(header)
    assert np.linalg.norm(affine[:3, 0]) == pytest.approx(2, abs=1e-9)
    assert "squared length" in refusal(lambda: affine_of(placed(None, 2.0, quatern_b=0.60001, quatern_c=0.8)))


def test_a_qform_near_half_a_turn_may_be_off_by_its_rounding() -> None:
    """Float32 leaves the angle open there by 0.05 degrees: a corner 400 mm away moves by 0.3 mm."""
    steps = np.ones(3)
    near = placed(None, 1.0, quatern_b=1.0)
    assert nifti_affine._rounding(near, steps, (401, 1, 1)) == pytest.approx(
        2 * np.sqrt(2e-7) * 400, rel=1e-6
    )
    quarter = placed(None, 1.0, quatern_b=np.sqrt(0.5))
    expected = 2 * (np.sqrt(0.5 + 2e-7) - np.sqrt(0.5 - 2e-7)) * np.hypot(3, 4)
    assert nifti_affine._rounding(quarter, steps, (4, 5, 1)) == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize("orientation", ["RA", "RASI", "RRS", "RLS", "RAX", ""])
def test_an_orientation_names_each_axis_once(orientation: str) -> None:
    assert refusal(lambda: nifti_affine.assumed_affine(np.ones(3), SHAPE, orientation)) == (
        f"error[E001]: orientation {orientation!r}; expected three letters that name each axis once, such as RAS. "
        "Correct it."
    )


def test_letters_of_an_orientation_are_the_directions_of_the_axes() -> None:
    affine = nifti_affine.assumed_affine(np.array([1.0, 2.0, 3.0]), SHAPE, "pir")
    np.testing.assert_array_equal(affine, [[0, 0, 3, -6], [-1, 0, 0, 1], [0, -2, 0, 3], [0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("codes", "believed", "space"),
    [
        ((0, 0), None, ""),
        ((0, 4), None, "mni"),
        ((3, 4), None, "talairach"),
        ((3, 4), "qform", "mni"),
        ((3, 0), "qform", "talairach"),
        ((1, 4), None, ""),
        ((2, 4), None, ""),
        ((5, 0), None, ""),
    ],
)
def test_codes_3_and_4_are_atlases(
    codes: tuple[int, int], believed: nifti_affine.Form | None, space: str
) -> None:
    header = nib.Nifti1Header()
    header["sform_code"], header["qform_code"] = codes
    assert nifti_affine.space_of(header, believed) == space


@pytest.mark.parametrize(("space", "code"), [("talairach", 3), ("mni", 4), ("", 2)])
def test_written_forms_say_the_same_and_the_atlas_in_the_sform(
    space: Literal["talairach", "mni", ""], code: int
) -> None:
    turned = np.eye(4)
    turned[:3, :3] = nib.quaternions.quat2mat([0.8, 0.36, -0.48, 0.0]) * (1.0, 2.0, 3.0)
    turned[:3, 3] = -91, 126, -72
    shape = (256, 256, 180)
    header = nib.Nifti1Image(np.zeros((1, 1, 1), np.int16), None).header
    header.set_data_shape(shape)
    nifti_affine.write_forms(header, Grid(shape, turned), space)
    assert (int(header["sform_code"]), int(header["qform_code"])) == (code, 2)
    corners = np.array([[0, 0, 0, 1], [255, 255, 179, 1], [255, 0, 0, 1]]).T
    apart = (header.get_qform() - header.get_sform()) @ corners
    assert np.abs(apart).max() < 5e-3  # float32 of quaternions by itself is off by more
    np.testing.assert_allclose(header.get_sform(), turned, atol=1e-5)
