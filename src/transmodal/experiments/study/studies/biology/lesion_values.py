"""Planted lesions of one subject, in the measured and in every synthetic image; look-alikes beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from transmodal.cohorts.simulation.planted import Planted
from transmodal.evaluation.measures.lesions import (
    Shares,
    Surroundings,
    look_alikes,
    measure,
    surroundings,
)
from transmodal.experiments.study.units import Content
from transmodal.volumes import Volume

Pairs = Mapping[str, tuple[Volume, Volume]]
"""Measured and synthetic image by the key of a translator."""


def measure_lesions(planted: Planted, volumes: Pairs) -> list[Content]:
    """Return what every translator made of each lesion, and how many look-alikes there are; colour has none.

    Args:
        planted: truth on the grid of the volumes.
        volumes: of every translator.

    Returns:
        A lesion each: its radius in mm and, by translator, contrast, detectability and volume in the measured and in the
        synthetic image; the last entry counts look-alikes. Empty without a lesion that can be measured.
    """
    first = next(iter(volumes.values()))[0]
    lesions = planted.lesions()
    if first.is_colour or not lesions:
        return []
    anywhere: Shares = np.max([lesion.coverage for lesion in lesions], axis=0)
    spacing = first.grid.spacing
    places = [
        (lesion.radius_mm, surroundings(lesion.coverage, planted.white, anywhere, spacing))
        for lesion in lesions
    ]
    contents: list[Content] = [
        {"radius_mm": radius, "figures": {key: _pair(pair, place) for key, pair in volumes.items()}}
        for radius, place in places
        if place is not None
    ]
    if not contents:
        return []
    alike = {
        key: _count(pair, planted.white, anywhere, _contrast(contents, key)) for key, pair in volumes.items()
    }
    return [*contents, {"look_alikes": alike}]


def _pair(pair: tuple[Volume, Volume], place: Surroundings) -> dict[str, Any]:
    measured = measure(pair[0], place)
    return {
        "measured": measured._asdict(),
        "synthetic": measure(pair[1], place, measured.contrast)._asdict(),
    }


def _contrast(contents: list[Content], key: str) -> float:
    return float(np.median([content["figures"][key]["measured"]["contrast"] for content in contents]))


def _count(pair: tuple[Volume, Volume], white: Shares, anywhere: Shares, contrast: float) -> dict[str, int]:
    """Count look-alikes in both images, and those of the synthetic one that the measured one has none of."""
    measured, synthetic = (look_alikes(volume, white, anywhere, contrast) for volume in pair)
    shared = np.unique(synthetic[measured > 0])
    return {
        "measured": len(np.unique(measured)) - 1,
        "synthetic": len(np.unique(synthetic)) - 1,
        "invented": len(np.setdiff1d(np.unique(synthetic), [0, *shared])),
    }
