"""The place of a case where the first model errs most, enlarged: source, target and every model's synthetic image."""

from __future__ import annotations

from html import escape

import numpy as np
from scipy import ndimage

from transmodal.evaluation.drawing.figures import difference, label
from transmodal.evaluation.drawing.inline import error_uri, grey_uri
from transmodal.evaluation.measures.gallery import CasePictures
from transmodal.evaluation.result import Evaluation

SHARE = 0.3
"""Side of the enlarged square, of the planes' height."""


def square(pictures: CasePictures, name: str) -> tuple[slice, slice]:
    """Return the square of the strip in which a synthetic volume is furthest off, by the mean over the square.

    Where there is an evaluation mask, errors outside it do not count.
    """
    error = np.nan_to_num(np.abs(difference(pictures.synthetic[name], pictures.target.strip)))
    if pictures.area is not None:
        error = error * (np.nan_to_num(pictures.area) > 0.5)
    side = max(8, round(SHARE * error.shape[0]))
    side = min(side, *error.shape)
    mean = ndimage.uniform_filter(error, side, mode="constant")
    # Only squares that lie inside whole.
    half, remainder = side // 2, side - side // 2
    inner = mean[half : error.shape[0] - remainder + 1, half : error.shape[1] - remainder + 1]
    row, column = (int(n) for n in np.unravel_index(inner.argmax(), inner.shape))
    return slice(row, row + side), slice(column, column + side)


def row(evaluation: Evaluation, pictures: CasePictures) -> str:
    """Return the enlarged squares of a case, with the models' errors below; empty without a model."""
    if not evaluation.models:
        return ""
    place = square(pictures, evaluation.models[0])
    target = pictures.target
    squares = [
        (label(name), grey_uri(strip.strip[place], strip.window)) for name, strip in pictures.sources.items()
    ]
    squares.append(("target", grey_uri(target.strip[place], target.window)))
    for name in evaluation.models:
        synthetic = pictures.synthetic[name][place]
        squares.append((name, grey_uri(synthetic, target.window)))
        squares.append(("error", error_uri(difference(synthetic, target.strip[place]), pictures.limit)))
    figures = "".join(
        f'<figure><img src="{uri}" alt=""><figcaption>{escape(name)}</figcaption></figure>'
        for name, uri in squares
    )
    return (
        f'<p class="divide">Enlarged where {escape(evaluation.models[0])} errs most</p>'
        f'<div class="zoom">{figures}</div>'
    )
