"""What every image format promises: round trips, refusals by one family, nothing half-written."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (the field's name for it)

from transmodal.errors import InputError, IntegrityError, ResourceError, TransmodalError, UsageError
from transmodal.storage import files
from transmodal.volumes import Volume, io

each = pytest.mark.parametrize("suffix", io.SUFFIXES)


def lopsided(dtype: str = "int16", shape: tuple[int, int, int] = (5, 6, 7)) -> Volume:
    voxels = np.random.default_rng(3).integers(0, 100, shape).astype(dtype)
    turn = np.deg2rad(12.0)
    affine = np.eye(4)
    affine[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    affine[:3, :3] = affine[:3, :3] @ np.diag([0.9, 1.1, 3.0])
    affine[:3, 3] = (-10.0, 4.5, 33.0)
    return Volume(voxels, affine)


@each
@pytest.mark.parametrize(
    "dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64", "bool", "int64"]
)
def test_voxel_types_come_back(suffix: str, dtype: str, tmp_path: Path) -> None:
    volume = lopsided(dtype)
    path = tmp_path / f"v{suffix}"
    digest = io.write(volume, path)
    assert digest == files.sha256_file(path)
    back = io.read(path)
    np.testing.assert_array_equal(back.voxels, volume.voxels)
    assert back.voxels.dtype.name == {"float64": "float32", "bool": "uint8", "int64": "int32"}.get(
        dtype, dtype
    )
    assert np.abs(back.grid.corners() - volume.grid.corners()).max() <= 1e-3
    again = tmp_path / f"w{suffix}"
    io.write(back, again)
    np.testing.assert_array_equal(io.read(again).affine, back.affine)


@each
def test_colour_comes_back_and_is_not_grey(suffix: str, tmp_path: Path) -> None:
    colour = Volume(np.random.default_rng(0).integers(0, 255, (4, 5, 6, 3)).astype(np.uint8), np.eye(4))
    io.write(colour, tmp_path / f"c{suffix}")
    np.testing.assert_array_equal(io.read(tmp_path / f"c{suffix}").voxels, colour.voxels)
    with pytest.raises(InputError) as refused:
        io.read_grey(tmp_path / f"c{suffix}")
    assert refused.value.code == "E122"


@each
def test_others_read_the_same(suffix: str, tmp_path: Path) -> None:
    volume = lopsided()
    path = tmp_path / f"v{suffix}"
    io.write(volume, path)
    image = sitk.ReadImage(str(path))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image).T, volume.voxels)
    np.testing.assert_allclose(np.array(image.GetOrigin()) * [-1, -1, 1], volume.affine[:3, 3], atol=1e-4)
    if "nii" in suffix:
        other = nib.load(path)
        np.testing.assert_allclose(other.affine, volume.affine, atol=1e-5)
        np.testing.assert_allclose(other.header.get_qform(), volume.affine, atol=1e-4)


@each
def test_bytes_do_not_depend_on_the_hour(suffix: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        io.write(lopsided(), tmp_path / name / f"v{suffix}")
    assert (tmp_path / f"a/v{suffix}").read_bytes() == (tmp_path / f"b/v{suffix}").read_bytes()


@each
def test_what_cannot_be_written_leaves_the_old_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"v{suffix}"
    io.write(lopsided(), path)
    before = path.read_bytes()
    holed = lopsided("float32")
    holed.voxels[1, 2, 3] = np.nan
    with pytest.raises(InputError) as refused:
        io.write(holed, path)
    assert refused.value.code == "E120"
    with pytest.raises(InputError) as complex_refused:
        io.write(Volume(np.ones((2, 2, 2), complex), np.eye(4)), path)
    assert complex_refused.value.code == "E123"
    assert path.read_bytes() == before
    with pytest.raises(UsageError):
        io.write(lopsided(), tmp_path / f"nowhere/v{suffix}")
    assert not [one for one in tmp_path.rglob("*") if "partial" in one.name]


@each
def test_a_full_disk_is_loud(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / f"v{suffix}"
    io.write(lopsided(), path)
    before = path.read_bytes()
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ResourceError) as refused:
        io.write(lopsided("uint8"), path)
    assert refused.value.code == "E403"
    assert path.read_bytes() == before


@each
def test_what_does_not_read_back_is_not_published(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = io.read

    def altered(path: Path) -> Volume:
        volume = real(path)
        return volume.with_voxels(volume.voxels + 1)

    monkeypatch.setattr(io, "read", altered)
    with pytest.raises(IntegrityError) as refused:
        io.write(lopsided(), tmp_path / f"v{suffix}")
    assert refused.value.code == "E503"
    assert not (tmp_path / f"v{suffix}").exists()


@each
def test_every_cut_is_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"v{suffix}"
    io.write(lopsided(), path)
    whole = path.read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError):
            io.read(path)


@each
def test_flips_are_refused_or_change_nothing_but_voxels_and_place(suffix: str, tmp_path: Path) -> None:
    """Only errors of ours come out; in a checked stream every flip of the payload is found."""
    volume = lopsided()
    path = tmp_path / f"v{suffix}"
    io.write(volume, path)
    whole = path.read_bytes()
    draw = np.random.default_rng(1)
    for _ in range(150):
        place, bit = int(draw.integers(len(whole))), int(draw.integers(8))
        changed = bytearray(whole)
        changed[place] ^= 1 << bit
        path.write_bytes(bytes(changed))
        try:
            back = io.read(path)
        except TransmodalError:
            continue
        assert np.isfinite(back.affine).all()
        if suffix == ".nii.gz" and place >= 10:
            np.testing.assert_array_equal(back.voxels, volume.voxels)


@each
def test_trailing_bytes_are_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"v{suffix}"
    io.write(lopsided(), path)
    target = next(one for one in tmp_path.iterdir() if suffix != ".mhd" or one.suffix != ".mhd")
    target.write_bytes(target.read_bytes() + b"0" * 64)
    with pytest.raises(InputError):
        io.read(path)


@each
def test_places_that_are_no_image(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as absent:
        io.read(tmp_path / f"absent{suffix}")
    assert absent.value.code == "E100"
    folder = tmp_path / f"folder{suffix}"
    folder.mkdir()
    with pytest.raises(InputError):
        io.read(folder)
    empty = tmp_path / f"empty{suffix}"
    empty.touch()
    with pytest.raises(InputError):
        io.read(empty)
    page = tmp_path / f"page{suffix}"
    page.write_text("<html>404</html>")
    with pytest.raises(InputError):
        io.read(page)


def test_unknown_endings(tmp_path: Path) -> None:
    (tmp_path / "v.bmp").write_bytes(b"x")
    with pytest.raises(InputError) as refused:
        io.read(tmp_path / "v.bmp")
    assert refused.value.code == "E102"
    with pytest.raises(UsageError):
        io.write(lopsided(), tmp_path / "v.bmp")
    assert io.is_image(Path("a.NII.GZ"))
    assert not io.is_image(Path("a.json"))


@pytest.mark.parametrize("suffix", [".mha", ".mhd"])
def test_shear_goes_into_nifti_only(suffix: str, tmp_path: Path) -> None:
    affine = np.eye(4)
    affine[0, 1] = 0.4
    sheared = Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4), affine)
    io.write(sheared, tmp_path / "v.nii.gz")
    np.testing.assert_allclose(io.read(tmp_path / "v.nii.gz").affine, affine, atol=1e-6)
    with pytest.raises(InputError) as refused:
        io.write(sheared, tmp_path / f"v{suffix}")
    assert refused.value.code == "E112"
