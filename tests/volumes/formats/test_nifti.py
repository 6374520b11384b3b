"""NIfTI files: declared bombs, and series, scalings and voxels that need a word."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from nifti_files import disagreeing, saved, setter, unplaced
from refusals import refusal
from transmodal.errors import InputError, ResourceError, TransmodalError, UsageError
from transmodal.storage import memory
from transmodal.volumes import Volume, io
from transmodal.volumes.formats import nifti
from transmodal.volumes.reading import Reading

FRAMES = np.random.default_rng(0).integers(0, 9, (3, 4, 5, 3)).astype(np.int16)
COLOURS = np.arange(180, dtype=np.uint8).reshape(3, 4, 5, 3)
READERS: dict[str, Callable[[Path], object]] = {
    "a volume": nifti.read,
    "a description": nifti.read_description,
    "a number": nifti.n_volumes,
    "a series": lambda path: nifti.read_series(path, np.array([0]), 1),
}


def save(path: Path, voxels: Any, change: Callable[[Any], None] = lambda header: None) -> Path:  # noqa: ANN401
    """Write voxels of any shape, with a changed header."""
    image = nib.Nifti1Image(voxels, np.diag([2.0, 2.0, 2.0, 1.0]))
    raw = bytearray(image.to_bytes())
    header = nib.Nifti1Header(bytes(raw[:348]), check=False)
    change(header)
    raw[:348] = header.binaryblock
    path.write_bytes(gzip.compress(bytes(raw)) if path.suffix == ".gz" else bytes(raw))
    return path


def save_colours(path: Path, change: Callable[[Any], None] = lambda header: None) -> Path:
    """Write voxels of the type RGB."""
    return save(path, COLOURS.view(nifti.RGB).reshape(3, 4, 5), change)


def scale_by(slope: float, intercept: float) -> Callable[[Any], None]:
    def change(header: Any) -> None:  # noqa: ANN401
        header["scl_slope"], header["scl_inter"] = slope, intercept

    return change


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


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_every_door_says_whose_file_is_gone_or_is_not_what_its_name_says(
    read: Callable[[Path], object], tmp_path: Path
) -> None:
    missing, plain = tmp_path / "a.nii", saved(tmp_path / "b.nii", setter("descrip", b""))
    assert refusal(lambda: read(missing)) == (
        "error[E100]: a.nii does not exist; expected a NIfTI file. Check the path."
    )
    renamed = tmp_path / "B.NII.GZ"
    shutil.copy(plain, renamed)
    assert refusal(lambda: read(renamed)) == (
        "error[E102]: B.NII.GZ is not gzipped; expected content that the name promises. Rename it or download it again."
    )
    renamed.write_bytes(gzip.compress(plain.read_bytes()))
    read(renamed)
    plain.write_bytes(plain.read_bytes()[:100])
    assert refusal(lambda: read(plain)) == (
        "error[E101]: b.nii ends after 100 bytes; expected a whole header. Copy or export it again."
    )


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_every_door_holds_what_a_file_declares_against_what_it_is_stored_in(
    read: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int | None] = []

    def budget(n_stored: int | None = None) -> int:
        asked.append(n_stored)
        return 1 << 20

    monkeypatch.setattr(memory, "budget", budget)
    for name in ("a.nii", "a.nii.gz", "A.NII.GZ"):
        path = saved(tmp_path / name.lower(), setter("descrip", b"")).rename(tmp_path / name)
        read(path)
        assert asked.pop() == (path.stat().st_size if name.lower().endswith(".gz") else None)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_the_budget_is_that_of_a_volume_or_of_four_for_a_series(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = saved(tmp_path / f"a{suffix}", setter("descrip", b""))
    n_bytes = 352 + 120
    assert nifti.read(small, budget_bytes=n_bytes).voxels.shape == (3, 4, 5)
    assert refusal(lambda: nifti.read(small, budget_bytes=n_bytes - 1)).startswith(
        f"error[E401]: a{suffix} declares or holds 4.4e-07 GiB; expected at most "
    )
    series = save(tmp_path / f"s{suffix}", np.zeros((3, 4, 5, 4), np.int16))
    n_real_bytes = 4 * 240
    monkeypatch.setattr(memory, "budget", lambda _=None: n_real_bytes // 4)
    chosen = np.array([3])
    assert nifti.n_volumes(series) == 4
    assert nifti.read_series(series, chosen, 4)[0].shape == (3, 4, 5, 1)
    assert nifti.read_series(series, chosen, 4, budget_bytes=n_real_bytes)[0].shape == (3, 4, 5, 1)
    assert "E401" in refusal(lambda: nifti.read_series(series, chosen, 4, budget_bytes=n_real_bytes - 1))
    monkeypatch.setattr(memory, "budget", lambda _=None: n_real_bytes // 4 - 1)
    for read in (nifti.n_volumes, lambda path: nifti.read_series(path, chosen, 4)):
        assert refusal(lambda read=read: read(series)).startswith(
            f"error[E401]: s{suffix} declares or holds "
        )  # type: ignore[misc]


def test_colours_are_read_and_written_channel_by_channel(tmp_path: Path) -> None:
    path = save_colours(tmp_path / "c.nii")
    volume = nifti.read(path)
    np.testing.assert_array_equal(volume.voxels, COLOURS)
    assert volume.voxels.flags.c_contiguous
    nifti.write(volume, tmp_path / "again.nii")
    np.testing.assert_array_equal(nifti.read(tmp_path / "again.nii").voxels, COLOURS)
    vector = save(tmp_path / "v.nii", COLOURS[:, :, :, np.newaxis])
    np.testing.assert_array_equal(nifti.read(vector).voxels, COLOURS)
    assert (nifti.n_volumes(path), nifti.n_volumes(vector)) == (1, 1)


def test_vectors_that_are_no_colours_are_series(tmp_path: Path) -> None:
    numbers = save(tmp_path / "a.nii", COLOURS[:, :, :, np.newaxis].astype(np.int16))
    two_by_three = save(tmp_path / "b.nii", np.repeat(COLOURS[:, :, :, np.newaxis], 2, axis=3))
    flat = save(tmp_path / "c.nii", COLOURS)
    assert [nifti.n_volumes(path) for path in (numbers, two_by_three, flat)] == [3, 6, 3]
    np.testing.assert_array_equal(nifti.read(numbers, frame=1).voxels, COLOURS[..., 1])
    np.testing.assert_array_equal(nifti.read(two_by_three, frame=2).voxels, COLOURS[..., 1])
    np.testing.assert_array_equal(nifti.read(flat, frame=2).voxels, COLOURS[..., 2])


@pytest.mark.parametrize(("slope", "intercept"), [(2.0, 1.0), (2.0, 0.0), (1.0, 1.0)])
def test_colours_as_a_vector_have_no_scaling(slope: float, intercept: float, tmp_path: Path) -> None:
    scaling = scale_by(slope, intercept)
    path = save(tmp_path / "v.nii", COLOURS[:, :, :, np.newaxis], scaling)
    assert refusal(lambda: nifti.read(path)) == (
        f"error[E103]: v.nii has colours, scl_slope {slope:g} and scl_inter {intercept:g}; expected colours as they are. "
        "Export it again, without scaling."
    )
    # For colours of a type of their own the format says that these fields mean nothing.
    np.testing.assert_array_equal(nifti.read(save_colours(tmp_path / "c.nii", scaling)).voxels, COLOURS)


@pytest.mark.parametrize("frame", [3, -1])
def test_a_frame_that_is_not_there_is_named(frame: int, tmp_path: Path) -> None:
    path = save(tmp_path / "s.nii.gz", FRAMES)
    assert refusal(lambda: nifti.read(path, frame=frame)) == (
        f"error[E001]: frame {frame} of s.nii.gz; expected 0 to 2. Choose one that is there."
    )
    assert refusal(lambda: nifti.read(path)) == (
        "error[E121]: s.nii.gz has the shape (3, 4, 5, 3); expected one volume. "
        "Choose one of its 3 with --frame N (from 0), or split the series."
    )
    np.testing.assert_array_equal(nifti.read(path, frame=0).voxels, FRAMES[..., 0])


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_chosen_volumes_of_a_series_come_back_scaled_and_in_the_order_asked_for(
    suffix: str, tmp_path: Path
) -> None:
    path = save(tmp_path / f"s{suffix}", FRAMES, scale_by(0.5, -3.0))
    voxels, affine = nifti.read_series(path, np.array([2, 0]), 3)
    np.testing.assert_array_equal(voxels, FRAMES[..., [2, 0]] * 0.5 - 3)
    np.testing.assert_array_equal(affine, np.diag([2.0, 2.0, 2.0, 1.0]))
    assert refusal(lambda: nifti.read_series(path, np.array([0]), 4)) == (
        f"error[E121]: s{suffix} of shape (3, 4, 5, 3); expected a series of 4 volumes. "
        "Take the series and what describes it from one place."
    )
    coloured = save_colours(tmp_path / f"c{suffix}")
    assert "expected a series of 1 volumes" in refusal(lambda: nifti.read_series(coloured, np.array([0]), 1))


def test_a_series_is_read_by_the_options_of_a_volume(tmp_path: Path) -> None:
    first = np.array([0])
    there = save(tmp_path / "a.nii", FRAMES, lambda header: header.set_sform(header.get_sform(), 1))
    assert nifti.read_series(there, first, 3, orientation_from="sform")[1][0, 0] == 2
    path = save(tmp_path / "b.nii", FRAMES, disagreeing)
    assert "b.nii: the sform has the spacing" in refusal(lambda: nifti.read_series(path, first, 3))
    assert nifti.read_series(path, first, 3, orientation_from="sform")[1][0, 0] == -1
    path = save(tmp_path / "c.nii", FRAMES, unplaced)
    assert "c.nii does not say how it lies" in refusal(lambda: nifti.read_series(path, first, 3))
    affine = nifti.read_series(path, first, 3, assume_orientation="LPS")[1]
    np.testing.assert_array_equal(affine @ [1, 1.5, 2, 1], [0, 0, 0, 1])
    assert affine[0, 0] == -2
    broken = FRAMES.astype(np.float32)
    broken[0, 0, 0, 0] = np.nan
    path = save(tmp_path / "d.nii", broken)
    assert refusal(lambda: nifti.read_series(path, first, 3)) == (
        "error[E120]: d.nii has 1 voxels that are not finite, the first at (0, 0, 0, 0); expected numbers. "
        "Repair it, or take them as 0: --nonfinite zero."
    )
    assert nifti.read_series(path, first, 3, nonfinite="zero")[0][0, 0, 0, 0] == 0


def test_scaling_beyond_float32_and_places_that_are_flat_are_said_with_the_name(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", FRAMES[..., 0], scale_by(3e38, 0.0))
    assert refusal(lambda: nifti.read(path)) == (
        "error[E103]: a.nii: voxels by their header's slope and intercept lead beyond float32; "
        "expected scaling that makes sense. Export it again."
    )
    for path in (
        save(tmp_path / "b.nii", FRAMES[..., 0], setter("srow_x", [0, 0, 0, 0])),
        save_colours(tmp_path / "b.nii", setter("srow_x", [0, 0, 0, 0])),
    ):
        assert refusal(lambda path=path: nifti.read(path, orientation_from="sform")).startswith(  # type: ignore[misc]
            "error[E112]: b.nii: "
        )


def test_the_atlas_of_the_form_that_is_believed_is_the_volume_s(tmp_path: Path) -> None:
    def change(header: Any) -> None:  # noqa: ANN401
        header["sform_code"], header["qform_code"] = 4, 3

    path = saved(tmp_path / "a.nii", change)
    assert nifti.read(path).space == "mni"
    assert nifti.read(path, orientation_from="qform").space == "talairach"
    nifti.write(nifti.read(path), tmp_path / "b.nii")
    assert nifti.read(tmp_path / "b.nii").space == "mni"


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "A.NII.GZ"])
def test_what_a_file_says_of_itself_has_79_characters_at_most(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    volume = Volume(FRAMES[..., 0], np.eye(4))
    nifti.write(volume, path, "é" + "x" * 100)
    assert nifti.read_description(path) == "?" + "x" * 78
    nifti.write(volume, path)
    assert nifti.read_description(path) == ""
    nifti.write_series(FRAMES, np.eye(4), tmp_path / "s.nii", "é" + "x" * 100)
    assert nifti.read_description(tmp_path / "s.nii") == "?" + "x" * 78
    latin = saved(tmp_path / "l.nii", setter("descrip", b"caf\xe9"))
    assert nifti.read_description(latin) == "caf\ufffd"


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_series_is_written_whole_where_it_lies(name: str, tmp_path: Path) -> None:
    affine = np.array([[0, 2.0, 0, 4], [3, 0, 0, -5], [0, 0, 1, 6], [0, 0, 0, 1]])
    nifti.write_series(FRAMES, affine, tmp_path / name)
    image = nib.load(tmp_path / name)
    np.testing.assert_array_equal(image.dataobj, FRAMES)
    assert image.get_data_dtype() == np.int16
    for form in (image.header.get_sform(coded=True), image.header.get_qform(coded=True)):
        np.testing.assert_allclose(form[0], affine, atol=1e-5)
        assert form[1] == 2
    series, where = nifti.read_series(tmp_path / name, np.arange(3), 3)
    np.testing.assert_array_equal(series, FRAMES)
    np.testing.assert_array_equal(where, affine)
    assert refusal(lambda: nifti.write_series(FRAMES + 1j, affine, tmp_path / name)).startswith(
        f"error[E123]: {name}: voxels of type complex128"
    )


def test_equal_volumes_make_equal_bytes_at_any_time(tmp_path: Path) -> None:
    volume = Volume(FRAMES[..., 0], np.eye(4))
    nifti.write(volume, tmp_path / "a.nii.gz")
    nifti.write_series(FRAMES, np.eye(4), tmp_path / "s.nii.gz")
    for name in ("a.nii.gz", "s.nii.gz"):
        assert (tmp_path / name).read_bytes()[4:8] == b"\0\0\0\0"  # the time, in the header of gzip
    assert refusal(
        lambda: nifti.write(Volume(FRAMES[..., 0] + 1j, np.eye(4)), tmp_path / "b.nii")
    ).startswith("error[E123]: b.nii: voxels of type complex128")


@pytest.mark.parametrize(("side", "kind"), [(32767, nib.Nifti1Image), (32768, nib.Nifti2Image)])
def test_a_long_side_makes_it_the_second_format(
    side: int, kind: type[nib.Nifti1Image], tmp_path: Path
) -> None:
    voxels = np.arange(side, dtype=np.int64).astype(np.uint16).reshape(1, side, 1)
    nifti.write(Volume(voxels, np.eye(4)), tmp_path / "a.nii")
    assert type(nib.load(tmp_path / "a.nii")) is kind
    np.testing.assert_array_equal(nifti.read(tmp_path / "a.nii").voxels, voxels)
