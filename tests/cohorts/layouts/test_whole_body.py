"""Stacks of a body are matched by height; volumes are taken as they are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from transmodal.cohorts.layouts._whole_body import PictureStack, read_body
from transmodal.errors import InputError
from transmodal.volumes import Volume, io
from transmodal.volumes.reading import STRICT

SETTINGS: Any = SimpleNamespace(
    spacing_mm=("0.5", "2"), mr_spacing_mm=(), mr_offset_mm=("1", "0"), orientation="", colours=""
)


def pictures(folder: Path, numbers: list[int], side: int = 4) -> Path:
    folder.mkdir(parents=True)
    for number in numbers:
        Image.fromarray(np.full((side, side + 1), number, np.uint8)).save(folder / f"s_{number}.png")
    return folder


def test_slices_are_matched_by_their_numbers(tmp_path: Path) -> None:
    images = {
        "mr": pictures(tmp_path / "mr", [10, 20, 40, 60]),
        "colour": pictures(tmp_path / "colour", [20, 40, 60, 80]),
    }
    body = read_body("b", images, SETTINGS, STRICT)
    assert body.heights == (0, 1, 2)
    assert body.between_mm == 2.0
    mr = body.parts["mr"]
    assert isinstance(mr, PictureStack)
    assert [path.name for path in mr.paths] == ["s_20.png", "s_40.png", "s_60.png"]
    assert (mr.spacing_mm, mr.offset_mm) == ((0.5, 0.5, 2.0), (1.0, 0.0))
    assert body.left_aside == [
        "b: 1 of 4 slices of mr (not in the other stacks)",
        "b: 1 of 4 slices of colour (not in the other stacks)",
    ]


def test_volumes_are_as_high_as_colour(tmp_path: Path) -> None:
    volume = Volume(np.zeros((3, 4, 7, 3), np.uint8), np.diag([1.0, 1.0, 1.5, 1.0]))
    io.write(volume, tmp_path / "colour.nii.gz")
    images = {"mr": tmp_path / "mr.nii.gz", "colour": tmp_path / "colour.nii.gz"}
    body = read_body("b", images, SETTINGS, STRICT)
    assert (body.heights, body.between_mm) == (tuple(range(7)), 1.5)
    assert body.parts == images


def test_stacks_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    colour = pictures(tmp_path / "colour", [1, 2])
    for mr, said in (
        (tmp_path / "mr.nii.gz", "with pictures and volumes"),
        (pictures(tmp_path / "apart", [3, 4]), "without a number"),
        (pictures(tmp_path / "large", [1, 2], side=6), "MR slices of"),
    ):
        with pytest.raises(InputError, match=said) as refused:
            read_body("b", {"mr": mr, "colour": colour}, SETTINGS, STRICT)
        assert refused.value.code == "E130"
