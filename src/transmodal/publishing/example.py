"""The image that a page brings along: yours, or a virtual subject of the embedded atlas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.simulation import atlas
from transmodal.errors import InputError, UsageError
from transmodal.inference.preprocessing import Preprocessing
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import reorient
from transmodal.volumes.regions.masks import find_region

_LEAST_SPACING_MM = 2.0
"""Of the virtual subject, which keeps the page small."""
_WITH_HEAD = 1
"""Number of a virtual subject that has its head around the brain."""


class Example(NamedTuple):
    """The sources of one case.

    Attributes:
        sources: by modality.
        region: the region of the first, `(I, J, K)` of 0 and 1 on its closest RAS grid; None where all of it counts.
        origin: of whom, for the page.
    """

    sources: Mapping[str, Volume]
    region: Volume | None
    origin: str


def build_example(
    preprocessing: Preprocessing, sources: Mapping[str, Volume] | None = None
) -> Example | None:
    """Return an example with the region that the run translates in it.

    Args:
        preprocessing: of the run.
        sources: your own; None makes a virtual subject, where its modalities can be simulated.

    Raises:
        UsageError: E004 for a source in colour or one too few.
        InputError: E124 and E112 where no region is found.
    """
    if sources is None:
        if not set(preprocessing.sources) <= set(atlas.MODALITIES):
            return None
        volumes, origin = (
            _virtual_subject(preprocessing),
            "a virtual subject of the embedded atlas, no person",
        )
    else:
        volumes, origin = _checked(preprocessing, sources), "an image that was put into this page"
    first = reorient(volumes[preprocessing.sources[0]])
    if preprocessing.region == "whole":
        return Example(volumes, None, origin)
    mask: NDArray[np.uint8] = find_region(first, preprocessing.region).mask.astype(np.uint8)
    return Example(volumes, first.with_voxels(mask), origin)


def _virtual_subject(preprocessing: Preprocessing) -> dict[str, Volume]:
    spacing = max(preprocessing.spacing_mm or 0.0, _LEAST_SPACING_MM)
    options = atlas.AtlasOptions(
        spacing_mm=spacing, modalities=preprocessing.sources, segmentation=False, head="always"
    )
    case = atlas.AtlasSubject(_WITH_HEAD, options).load()
    return {name: case.volumes[name] for name in preprocessing.sources}


def _checked(preprocessing: Preprocessing, sources: Mapping[str, Volume]) -> dict[str, Volume]:
    if set(sources) != set(preprocessing.sources):
        raise UsageError(
            "E004",
            f"an example of {', '.join(sources) or 'nothing'}",
            f"one image for each of {', '.join(preprocessing.sources)}",
            f"Name them: --example {preprocessing.sources[0]}=PATH, once for each.",
        )
    volumes = {name: volume.in_grey() for name, volume in sources.items()}
    if any(volume.is_colour for volume in volumes.values()):
        raise InputError("E122", "an example in colour", "a grey image", "Give the image that the run reads.")
    return volumes
