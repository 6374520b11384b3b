from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from transmodal.cohorts import label_pictures
from transmodal.errors import InputError

COLOURS = np.array([[0, 0, 0], [200, 10, 10], [10, 200, 10], [10, 10, 200]], np.uint8)
MAP = np.array([[0, 1, 2], [3, 3, 0]])


def colour_file(folder: Path, name: str = "1.png", colours: np.ndarray = COLOURS) -> Path:
    Image.fromarray(colours[MAP]).save(folder / name)
    return folder / name


@pytest.mark.parametrize("name", ["1.png", "1.bmp", "1.tif"])
def test_colours_become_the_numbers_of_a_table(name: str, tmp_path: Path) -> None:
    (tmp_path / "colours.csv").write_text(
        label_pictures.format_table({n: rgb.tolist() for n, rgb in enumerate(COLOURS)})
    )
    known = label_pictures.read_table(tmp_path / "colours.csv")
    np.testing.assert_array_equal(label_pictures.read(colour_file(tmp_path, name), known), MAP)


def test_without_a_table_colours_are_numbered_in_order(tmp_path: Path) -> None:
    paths = [colour_file(tmp_path, "1.png"), colour_file(tmp_path, "2.png", COLOURS[[0, 0, 2, 2]])]
    known = label_pictures.number_colours(paths)
    assert known == (
        (0, 0),
        (10 << 16 | 10 << 8 | 200, 1),
        (10 << 16 | 200 << 8 | 10, 2),
        (200 << 16 | 10 << 8 | 10, 3),
    )
    np.testing.assert_array_equal(label_pictures.read(paths[0], known), np.array([0, 3, 2, 1])[MAP])


def test_grey_is_its_own_number(tmp_path: Path) -> None:
    for kind, name in ((np.uint8, "8.png"), (np.uint16, "16.png")):
        Image.fromarray(MAP.astype(kind)).save(tmp_path / name)
        np.testing.assert_array_equal(label_pictures.read(tmp_path / name, ()), MAP)
    assert label_pictures.number_colours([tmp_path / "8.png"]) == ()
    grey = np.array([[0] * 3, [7] * 3, [30] * 3, [31] * 3], np.uint8)
    path = colour_file(tmp_path, "rgb.png", grey)
    np.testing.assert_array_equal(
        label_pictures.read(path, label_pictures.number_colours([path])), np.array([0, 7, 30, 31])[MAP]
    )


def test_palettes_count_by_their_colours(tmp_path: Path) -> None:
    """Two files number their colours each in its own way."""
    for name, order in (("1.png", [0, 1, 2, 3]), ("2.png", [3, 2, 1, 0])):
        image = Image.fromarray(np.argsort(order)[MAP].astype(np.uint8))
        indexed = Image.frombytes("P", image.size, image.tobytes())
        indexed.putpalette(COLOURS[order].ravel().tolist())
        indexed.save(tmp_path / name)
    known = label_pictures.number_colours([tmp_path / "1.png"])
    one, other = (label_pictures.read(tmp_path / name, known) for name in ("1.png", "2.png"))
    np.testing.assert_array_equal(one, other)
    assert len(np.unique(one)) == 4


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    path = colour_file(tmp_path)
    for known in ((), ((0, 0), (5, 1))):
        with pytest.raises(InputError, match="which has no label") as caught:
            label_pictures.read(path, known)
        assert caught.value.code == "E103"
    noise = np.random.default_rng(0).integers(0, 256, (30, 30, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    with pytest.raises(InputError, match="more than 255 colours") as caught:
        label_pictures.number_colours([path, tmp_path / "noise.png"])
    assert caught.value.code == "E123"
    Image.fromarray(noise).convert("RGBA").save(tmp_path / "clear.png")
    with pytest.raises(InputError, match="RGBA") as caught:
        label_pictures.read(tmp_path / "clear.png", ())
    assert caught.value.code == "E123"


@pytest.mark.parametrize(
    "text",
    [
        "label,r,g\n1,2,3\n",
        "label,r,g,b\n1,2,3,x\n",
        "label,r,g,b\n-1,2,3,4\n",
        "label,r,g,b\n1,2,3,256\n",
        "label,r,g,b\n1,2,3,4\n2,2,3,4\n",
    ],
)
def test_tables_that_make_no_sense(text: str, tmp_path: Path) -> None:
    (tmp_path / "colours.csv").write_text(text)
    with pytest.raises(InputError, match=r"colours\.csv") as caught:
        label_pictures.read_table(tmp_path / "colours.csv")
    assert caught.value.code == "E103"
