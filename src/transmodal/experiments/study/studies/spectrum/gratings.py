"""Gratings of known frequency: how much of their amplitude a translator passes, and what else it answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.experiments.study.studies.spectrum.rings import window_of

FREQUENCIES = (0.03125, 0.0625, 0.125, 0.1875, 0.25, 0.3125, 0.375, 0.4375)
"""In cycles per pixel; half a cycle per pixel is the highest that there is, but has no phase."""
AMPLITUDE = 0.1
"""Of a grating, in a network's range of -1 to 1: small enough that a slice stays what it is."""
PHASES = (0.0, np.pi / 2)
"""Strides make what passes hang on where the grating lies."""
Array = NDArray[np.float64]
Translate = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Of `(B, C, H, W)` in [-1, 1] to `(B, T, H, W)`, likewise."""


class Ground(NamedTuple):
    """An image that gratings are added to.

    Attributes:
        image: `(C, H, W)` in [-1, 1].
        rise: `(H, W)`, what a grating is multiplied by, 0 to 1.
        weight: `(H, W)`, with which the answer is looked at.
    """

    image: NDArray[np.float32]
    rise: Array
    weight: Array


class Response(NamedTuple):
    """The answer to gratings of one frequency, a mean over directions and phases.

    Attributes:
        amplitude: of the same frequency and direction that comes out, over what went in; of colour the channels' mean.
        elsewhere: share of the answer's power at other frequencies and directions, 0 to 1; 0 without an answer.
    """

    amplitude: float
    elsewhere: float


def grey_ground(channels: int, sides: tuple[int, int]) -> Ground:
    """Return an even image in the middle of the range, looked at under a Hann window."""
    even = np.zeros((channels, *sides), np.float32)
    return Ground(even, np.ones(sides), np.outer(np.hanning(sides[0]), np.hanning(sides[1])))


def slice_ground(image: NDArray[np.float32], mask: NDArray[np.bool_]) -> Ground:
    """Return a slice of a person, to which gratings are added inside of its mask.

    Args:
        image: `(C, H, W)` in [-1, 1].
        mask: `(H, W)`, not empty.
    """
    rise = np.zeros(mask.shape)
    rows, columns = (slice(int(side.min()), int(side.max()) + 1) for side in np.nonzero(mask))
    rise[rows, columns] = window_of(mask[rows, columns])
    return Ground(image, rise, rise)


def responses(translate: Translate, ground: Ground) -> dict[float, Response]:
    """Return the answer of a translator to gratings of each of `FREQUENCIES`.

    The answer is what a grating changes: the translation with it, less that without.
    """
    base = translate(ground.image[None])[0].astype(np.float64)
    return {frequency: _response(translate, ground, base, frequency) for frequency in FREQUENCIES}


def _response(translate: Translate, ground: Ground, base: Array, frequency: float) -> Response:
    places = [
        (axis, phase) for axis in range(2) for phase in PHASES
    ]  # along the rows and along the columns, each at two places
    gratings = [_grating(ground.rise.shape, frequency, axis, phase) for axis, phase in places]
    images = [ground.image + AMPLITUDE * (ground.rise * grating) for grating in gratings]
    answers = translate(np.stack(images).astype(np.float32)).astype(np.float64) - base
    parts = [
        _fit(channel * ground.weight, ground, frequency, axis)
        for (axis, _), answer in zip(places, answers, strict=True)
        for channel in answer
    ]
    return Response(*(float(np.mean(values)) for values in zip(*parts, strict=True)))


def _grating(shape: tuple[int, ...], frequency: float, axis: int, phase: float) -> Array:
    places = np.arange(shape[axis], dtype=np.float64)
    wave = np.cos(2 * np.pi * frequency * places + phase)
    grating: Array = np.broadcast_to(np.expand_dims(wave, 1 - axis), shape)
    return grating


def _fit(answer: Array, ground: Ground, frequency: float, axis: int) -> Response:
    """Fit a wave of the same frequency and direction, and a level, to a weighted answer by least squares."""
    carrier = ground.rise * ground.weight
    waves = [_grating(answer.shape, frequency, axis, phase) for phase in PHASES]
    columns = np.stack([*(carrier * wave for wave in waves), carrier], axis=-1).reshape(-1, 3)
    weights, *_ = np.linalg.lstsq(columns, answer.reshape(-1), rcond=None)
    level = carrier * weights[2]
    whole = float(((answer - level) ** 2).sum())
    rest = float(((answer.reshape(-1) - columns @ weights) ** 2).sum())
    amplitude = float(np.hypot(weights[0], weights[1])) / AMPLITUDE
    # An answer of rounding errors alone has no frequency.
    least = (1e-6 * AMPLITUDE) ** 2 * float((carrier**2).sum())
    return Response(amplitude, rest / whole if whole > least else 0.0)
