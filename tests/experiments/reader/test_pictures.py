from __future__ import annotations

import io as streams

import numpy as np
import pytest
from PIL import Image

from reading_sessions import LESION, ReadingGround
from transmodal.errors import InputError
from transmodal.experiments.reader.pictures import (
    PictureStyle,
    draw_slice,
    encode_alike,
    lesion_slices,
    open_case,
)
from transmodal.volumes import Volume

STYLE = PictureStyle()


def test_the_same_values_give_the_same_picture_and_outside_is_black(ground: ReadingGround) -> None:
    read = open_case(ground.cohort.cases("test")[0], "fa", "")
    place = read.slices("axial")[2]
    picture = draw_slice(read, read.target, place, STYLE, "real")
    assert read.inside is not None
    changed = read.target.with_voxels(np.where(read.inside, read.target.voxels, 0).astype(np.float32))
    np.testing.assert_array_equal(picture, draw_slice(read, changed, place, STYLE, "synthetic"))
    everything = PictureStyle(shows_outside=True)
    whole = draw_slice(read, read.target, place, everything, "real")
    assert (whole != draw_slice(read, changed, place, everything, "synthetic")).any()
    inside = picture > 0
    np.testing.assert_array_equal(picture[inside], whole[inside])


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_slices_show_enough_and_their_own_voxels(ground: ReadingGround, plane: str) -> None:
    read = open_case(ground.cohort.cases("test")[0], "fa", "")
    axis = {"sagittal": 0, "coronal": 1, "axial": 2}[plane]
    places = read.slices(plane)  # type: ignore[arg-type]  # one of the three
    assert 4 < len(places) < read.target.voxels.shape[axis]
    ramp = np.moveaxis(np.zeros(read.target.voxels.shape, np.float32), axis, -1)
    ramp[:] = np.arange(ramp.shape[-1]) / 20
    volume = read.target.with_voxels(np.moveaxis(ramp, -1, axis))
    style = PictureStyle(plane, (0, 1))  # type: ignore[arg-type]
    for place in places:
        picture = draw_slice(read, volume, place, style, "ramp")
        assert set(np.unique(picture)) == {0, round(255 * place / 20)} - ({0} if place == 0 else set())


def test_fa_has_one_window_and_values_without_a_unit_have_their_own(ground: ReadingGround) -> None:
    case = ground.cohort.cases("test")[0]
    read = open_case(case, "fa", "")
    place = read.slices("axial")[3]
    half = read.target.with_voxels(np.asarray(read.target.voxels) / 2)
    assert (
        draw_slice(read, half, place, STYLE, "half").max()
        < 0.6 * draw_slice(read, read.target, place, STYLE, "x").max()
    )
    other = open_case(case, "t1", "")
    own = draw_slice(other, other.target, place, STYLE, "real").astype(int)
    scaled = other.target.with_voxels(np.asarray(other.target.voxels) * 64)
    assert (
        np.abs(draw_slice(other, scaled, place, STYLE, "scaled") - own).max() <= 12
    )  # up to the round limit


def test_lesions_are_found_where_they_are(ground: ReadingGround) -> None:
    case = next(case for case in ground.cohort.cases("test") if int(case.id.removeprefix("case")) % 2 == 0)
    read = open_case(case, "fa", "")
    labels = case.segmentation()
    assert labels is not None
    with_lesion, without = lesion_slices(read, labels == LESION, "axial")
    areas = (labels == LESION).sum(axis=(0, 1))
    assert areas[with_lesion[0]] == areas.max()
    assert sorted(with_lesion) == [int(n) for n in np.flatnonzero(areas)]
    assert set(without) == set(read.slices("axial")) - set(with_lesion)


def test_pictures_are_alike_in_size_bytes_and_say_nothing_else() -> None:
    draw = np.random.default_rng(0)
    noise, black = draw.integers(0, 256, (40, 31)).astype(np.uint8), np.zeros((33, 50), np.uint8)
    shape, (first, second) = encode_alike([noise, black])
    assert shape == (40, 50)
    assert len(first) == len(second)
    decoded = Image.open(streams.BytesIO(first))
    assert decoded.size == (50, 40)
    assert decoded.info == {}
    np.testing.assert_array_equal(np.asarray(decoded)[:, 9:40], noise)
    assert first[12:16] == b"IHDR"
    assert {first[n : n + 4] for n in range(len(first) - 4)} & {
        b"tEXt",
        b"iTXt",
        b"zTXt",
        b"tIME",
        b"eXIf",
        b"pHYs",
    } == set()


def test_colour_beside_grey_and_an_empty_picture_are_refused(ground: ReadingGround) -> None:
    read = open_case(ground.cohort.cases("test")[0], "fa", "")
    colour = Volume(np.zeros((*read.target.voxels.shape, 3), np.uint8), read.target.affine)
    with pytest.raises(InputError, match="other colours"):
        draw_slice(read, colour, 5, STYLE, "x of case a")
    flat = read.target.with_voxels(np.zeros(read.target.voxels.shape, np.float32))
    with pytest.raises(InputError, match="x of case a shows one value in the window 0 to"):
        draw_slice(read, flat, 5, STYLE, "x of case a")
