"""Jitter: a window is enlarged and a part of its own size is taken, as pix2pix does from 286 x 286 to 256 x 256."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Jitter(NamedTuple):
    """One draw: the same enlargement and part for every array of a sample.

    Attributes:
        ratio: by which the sides grow.
        at: where the part begins in the enlarged window, as a share of the room that there is, for rows and columns.
    """

    ratio: float
    at: tuple[float, float]

    def of(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the part of an image `(C, H, W)`, the same shape: linear in between, edges repeat."""
        part = image
        for axis, share in enumerate(self.at, start=1):
            places = self._places(image.shape[axis], share)
            low = np.floor(places).astype(np.intp)
            weight = (
                (places - low).astype(np.float32)[:, None] if axis == 1 else (places - low).astype(np.float32)
            )
            high = np.minimum(low + 1, image.shape[axis] - 1)
            first, second = part.take(low, axis), part.take(high, axis)
            part = first + weight * (second - first)
        return part

    def of_labels(self, labels: NDArray[Any]) -> NDArray[Any]:
        """Return the part of labels `(C, H, W)`, the same shape and type: the nearest of each."""
        for axis, share in enumerate(self.at, start=1):
            nearest = np.floor(self._places(labels.shape[axis], share) + 0.5).astype(np.intp)
            labels = labels.take(nearest, axis)
        return labels

    def _places(self, side: int, share: float) -> NDArray[np.float64]:
        """Return where each pixel of the part lies in the window, between the centres of its outer pixels."""
        enlarged = round(side * self.ratio)
        first = min(int(share * (enlarged - side + 1)), enlarged - side)
        places = (first + np.arange(side) + 0.5) * (side / enlarged) - 0.5
        return places.clip(0, side - 1)


def draw_jitter(ratio: float | None, draw: np.random.Generator) -> Jitter | None:
    """Draw a jitter; None, without a draw, where there is no ratio."""
    return None if ratio is None else Jitter(ratio, (draw.random(), draw.random()))
