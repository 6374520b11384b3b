"""The contrast that a head shows, by the order and the ratios of its tissues: T1, T2, PD, FLAIR, CT or an FA map.

The prototypes are ratios to white matter as `volumes.appearance` measures them at 4 mm. Their middles lie between
what the embedded atlas' virtual subjects show and what is usual in scanners; the widths are those of sequences and
field strengths, so that T1 from an MPRAGE, a spoiled echo and a spin echo are one contrast.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from transmodal.volumes.appearance import Tissue

FEATURES = ("grey", "fluid", "skull", "texture")
_LEAST: Mapping[str, float] = MappingProxyType({"grey": 0.1, "fluid": 0.1, "skull": 0.05, "texture": 0.01})
"""Ratios below are taken for these: their logarithms would run away where nothing is seen."""


class Prototype(NamedTuple):
    """Logarithms of the four ratios in a contrast, and how far they usually lie from them.

    Attributes:
        middle: of grey matter, fluid and skull to white matter, and of white matter's own texture.
        width: of each.
    """

    middle: tuple[float, float, float, float]
    width: tuple[float, float, float, float]

    def distance(self, tissue: Tissue) -> float:
        """Return how far a head lies from the prototype, in widths.

        A stripped brain shows no skull: less of it than usual counts only in CT, where bone is bright.
        """
        grey, fluid, skull, texture = (
            (value - middle) / width
            for value, middle, width in zip(logarithms(tissue), self.middle, self.width, strict=True)
        )
        if self.middle[2] < 0:
            skull = max(skull, 0.0)
        return math.hypot(grey, fluid, skull, texture)


def _prototype(ratios: tuple[float, ...], width: tuple[float, float, float, float]) -> Prototype:
    a, b, c, d = (math.log(ratio) for ratio in ratios)
    return Prototype((a, b, c, d), width)


PROTOTYPES: Mapping[str, Prototype] = MappingProxyType(
    {
        "t1": _prototype((0.75, 0.42, 0.40, 0.055), (0.13, 0.40, 0.80, 0.50)),
        "t2": _prototype((1.30, 2.00, 0.95, 0.085), (0.12, 0.35, 0.50, 0.50)),
        "pd": _prototype((1.12, 1.10, 0.90, 0.040), (0.05, 0.14, 0.40, 0.60)),
        "flair": _prototype((1.13, 0.45, 0.42, 0.075), (0.08, 0.35, 0.50, 0.50)),
        "ct": _prototype((1.06, 0.93, 1.95, 0.020), (0.04, 0.08, 0.30, 0.60)),
        "fa": _prototype((0.40, 0.33, 0.08, 0.170), (0.20, 0.35, 0.80, 0.30)),
    }
)


def logarithms(tissue: Tissue) -> tuple[float, float, float, float]:
    """Return the logarithms of the four ratios that tell contrasts apart."""
    grey, fluid, skull, texture = (math.log(max(getattr(tissue, name), _LEAST[name])) for name in FEATURES)
    return grey, fluid, skull, texture


class Second(NamedTuple):
    """The contrast that is nearest but one, and how far it is in widths."""

    name: str
    distance: float


def nearest(tissue: Tissue) -> tuple[str, float, Second]:
    """Return the contrast whose prototype is nearest, how far it is in widths, and the nearest but one."""
    distances = {name: prototype.distance(tissue) for name, prototype in PROTOTYPES.items()}
    best, second = sorted(distances, key=lambda name: distances[name])[:2]
    return best, distances[best], Second(second, distances[second])
