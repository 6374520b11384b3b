"""Pictures as volumes of one slice: depths kept, places asked for, kinds that lie refused."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from transmodal.errors import InputError, ResourceError, UsageError
from transmodal.volumes import Volume, io
from transmodal.volumes.formats import raster
from transmodal.volumes.reading import Reading

RNG = np.random.default_rng(1)


def one_slice(dtype: str = "uint8", *, colour: bool = False) -> Volume:
    shape = (7, 5, 1, 3) if colour else (7, 5, 1)
    values = RNG.integers(0, 250, shape).astype(dtype)
    return Volume(values, np.diag([-1.0, -1.0, 1.0, 1.0]))


@pytest.mark.parametrize("suffix", raster.SUFFIXES)
@pytest.mark.parametrize("kind", ["uint8", "uint16", "colour"])
def test_pixels_come_back_as_they_are(suffix: str, kind: str, tmp_path: Path) -> None:
    volume = one_slice(colour=True) if kind == "colour" else one_slice(kind)
    path = tmp_path / f"picture{suffix}"
    io.write(volume, path)
    back = io.read(path, Reading(assume_orientation="LPS"))
    np.testing.assert_array_equal(back.voxels, volume.voxels)
    assert back.voxels.dtype == volume.voxels.dtype
    assert back.orientation == "LPS"
    np.testing.assert_allclose(back.spacing, (1, 1, 1), rtol=1e-3)
    with Image.open(path) as image:  # columns are the first axis, rows the second
        assert image.size == (7, 5)
        first = np.asarray(image)[2, 6]
    np.testing.assert_array_equal(first, volume.voxels[6, 2, 0])


def test_floats_stay_floats_in_tiff_and_are_refused_in_png(tmp_path: Path) -> None:
    volume = one_slice("float32")
    io.write(volume, tmp_path / "a.tif")
    np.testing.assert_array_equal(
        io.read(tmp_path / "a.tif", Reading(assume_orientation="RAS")).voxels, volume.voxels
    )
    with pytest.raises(UsageError, match="float32") as refused:
        io.write(volume, tmp_path / "a.png")
    assert refused.value.code == "E005"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif"]


def test_the_resolution_is_the_spacing(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 6), np.uint8)).save(tmp_path / "a.png", dpi=(25.4, 50.8))
    volume = io.read(tmp_path / "a.png", Reading(assume_orientation="LPS"))
    np.testing.assert_allclose(volume.spacing, (1.0, 0.5, 1.0), rtol=1e-3)
    Image.fromarray(np.zeros((4, 6), np.uint8)).save(tmp_path / "b.png")
    assert io.read(tmp_path / "b.png", Reading(assume_orientation="LPS")).spacing == (1, 1, 1)


def test_a_picture_has_to_be_given_a_place(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 6), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="--assume-orientation LPS") as refused:
        io.read(tmp_path / "a.png")
    assert refused.value.code == "E111"


def save(path: Path, what: str) -> None:
    grey = Image.fromarray(np.arange(20, dtype=np.uint8).reshape(4, 5))
    if what == "palette":
        grey.convert("P").save(path)
    elif what == "transparent":
        Image.fromarray(np.full((4, 5, 4), 9, np.uint8), "RGBA").save(path)
    elif what == "frames":
        grey.save(path.with_suffix(".tif"), save_all=True, append_images=[grey])
    elif what == "turned":
        tags = Image.Exif()
        tags[0x0112] = 6
        grey.save(path, exif=tags)
    elif what == "cut":
        grey.resize((200, 200)).save(path)
        path.write_bytes(path.read_bytes()[:-40])
    else:
        path.write_bytes(b"GIF89a" + bytes(40))


@pytest.mark.parametrize(
    ("what", "code"),
    [("palette", "E123"), ("transparent", "E123"), ("frames", "E121"), ("turned", "E103"), ("cut", "E101")],
)
def test_what_would_lie_is_refused(what: str, code: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    save(path, what)
    path = next(tmp_path.iterdir())
    with pytest.raises(InputError) as refused:
        io.read(path, Reading(assume_orientation="LPS"))
    assert refused.value.code == code


def test_another_format_under_the_name_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "a.png", "gif")
    with pytest.raises(InputError) as refused:
        io.read(tmp_path / "a.png", Reading(assume_orientation="LPS"))
    assert refused.value.code in ("E101", "E102")


@pytest.mark.parametrize(
    ("held", "ending"),
    [("png", "tif"), ("png", "tiff"), ("tif", "png"), ("bmp", "png"), ("bmp", "tif"), ("png", "bmp")],
)
def test_a_picture_is_of_the_format_that_its_name_says(held: str, ending: str, tmp_path: Path) -> None:
    Image.fromarray(np.arange(20, dtype=np.uint8).reshape(4, 5)).save(tmp_path / f"b.{held}")
    path = (tmp_path / f"b.{held}").rename(tmp_path / f"a.{ending}")
    with pytest.raises(InputError, match="Give it the ending of what it holds") as refused:
        raster.read(path, assume_orientation="LPS")
    assert refused.value.code == "E102"


def test_no_tag_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[270] = "Doe, Jane"
    Image.new("L", (4, 3)).save(tmp_path / "a.tif", tiffinfo=tags)
    caplog.set_level(logging.DEBUG)
    io.read(tmp_path / "a.tif", Reading(assume_orientation="LPS"))
    assert "Doe" not in caplog.text


def test_opaque_alpha_is_colour(tmp_path: Path) -> None:
    pixels = np.full((4, 5, 4), 255, np.uint8)
    pixels[..., 0] = 7
    Image.fromarray(pixels, "RGBA").save(tmp_path / "a.png")
    volume = io.read(tmp_path / "a.png", Reading(assume_orientation="LPS"))
    assert volume.voxels.shape == (5, 4, 1, 3)
    assert (volume.voxels[..., 0] == 7).all()


def test_more_than_a_slice_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="2 slices"):
        io.write(Volume(np.zeros((3, 4, 2), np.uint8), np.eye(4)), tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_the_budget_counts(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((40, 60), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(ResourceError) as refused:
        raster.read(tmp_path / "a.png", assume_orientation="LPS", budget_bytes=1000)
    assert refused.value.code == "E401"
