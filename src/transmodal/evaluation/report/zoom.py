"""The place of a case where the first model errs most, enlarged: source, target and what each model made."""

from __future__ import annotations

import base64
from html import escape

import numpy as np
from scipy import ndimage

from transmodal.evaluation.drawing.figures import difference, error_levels, error_palette, grey, label, png
from transmodal.evaluation.drawing.planes import Strip
from transmodal.evaluation.measures.gallery import CasePictures, WindowedStrip
from transmodal.evaluation.result import Evaluation

SHARE = 0.3
"""Side of the enlarged square, of the planes' height."""


def square(scene: CasePictures, name: str) -> tuple[slice, slice]:
    """Return the square of the strip in which a synthetic volume is furthest off, by the mean over the square.

    Where there is an evaluation mask, errors outside it do not count: nobody asked for an image there.
    """
    error = np.nan_to_num(np.abs(difference(scene.synthetic[name], scene.target.strip)))
    if scene.area is not None:
        error = error * (np.nan_to_num(scene.area) > 0.5)
    side = max(8, round(SHARE * error.shape[0]))
    side = min(side, *error.shape)
    mean = ndimage.uniform_filter(error, side, mode="constant")
    # Only squares that lie inside whole.
    half, remainder = side // 2, side - side // 2
    inner = mean[half : error.shape[0] - remainder + 1, half : error.shape[1] - remainder + 1]
    row, column = (int(n) for n in np.unravel_index(inner.argmax(), inner.shape))
    return slice(row, row + side), slice(column, column + side)


def row(evaluation: Evaluation, scene: CasePictures) -> str:
    """Return the enlarged squares of a case, with the models' errors below; empty without a model."""
    if not evaluation.models:
        return ""
    place = square(scene, evaluation.models[0])
    target = scene.target
    squares = [
        (label(name), _uri(WindowedStrip(strip.strip[place], strip.window)))
        for name, strip in scene.sources.items()
    ]
    squares.append(("target", _uri(WindowedStrip(target.strip[place], target.window))))
    for name in evaluation.models:
        synthetic = scene.synthetic[name][place]
        squares.append((name, _uri(WindowedStrip(synthetic, target.window))))
        squares.append(("error", _error(difference(synthetic, target.strip[place]), scene.limit)))
    figures = "".join(
        f'<figure><img src="{uri}" alt=""><figcaption>{escape(name)}</figcaption></figure>'
        for name, uri in squares
    )
    return (
        f'<p class="divide">Enlarged where {escape(evaluation.models[0])} errs most</p>'
        f'<div class="zoom">{figures}</div>'
    )


def _uri(strip: WindowedStrip) -> str:
    return _data(png(grey(strip.strip, strip.window)))


def _error(error: Strip, limit: float) -> str:
    return _data(png(error_levels(error, limit), error_palette()))


def _data(encoded: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(encoded).decode('ascii')}"
