"""The word SYNTHETIC in the pixels of every slice, for viewers that show no header."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from transmodal.errors import UsageError
from transmodal.volumes.formats.dicom.writing import SYNTHETIC
from transmodal.volumes.volume import Volume

_COLUMNS_PER_SIZE = 160
"""Matrix that the smallest letters are for; a matrix of twice as many columns has letters twice as large."""
_MARGIN = 2


def burn_in(volume: Volume) -> Volume:
    """Return a grey volume with the word in the first corner of each slice, in its highest value on its lowest.

    Args:
        volume: `(I, J, K)`; I runs along rows, J along columns, K from slice to slice.

    Raises:
        UsageError: E004 where slices are too small for it.
    """
    columns, rows = volume.voxels.shape[:2]
    word = np.kron(_draw(), np.ones((max(1, columns // _COLUMNS_PER_SIZE),) * 2, bool))
    if word.shape[0] + _MARGIN > columns or word.shape[1] + _MARGIN > rows:
        raise UsageError(
            "E004",
            f"a word burned into slices of {columns} x {rows} voxels",
            f"{word.shape[0] + _MARGIN} x {word.shape[1] + _MARGIN} or more",
            "Leave the word out, or translate onto a finer grid.",
        )
    voxels = volume.voxels.copy()
    box = voxels[_MARGIN : _MARGIN + word.shape[0], _MARGIN : _MARGIN + word.shape[1]]
    box[...] = np.where(word[..., None], volume.voxels.max(), volume.voxels.min())
    return volume.with_voxels(voxels)


def _draw() -> NDArray[Any]:
    """Return the word as pixels, columns first."""
    font = ImageFont.load_default_imagefont()
    left_edge, top_edge, right_edge, bottom_edge = (round(end) for end in font.getbbox(SYNTHETIC))
    picture = Image.new("1", (right_edge - left_edge, bottom_edge - top_edge))
    ImageDraw.Draw(picture).text((-left_edge, -top_edge), SYNTHETIC, fill=1, font=font)
    return np.asarray(picture).T
