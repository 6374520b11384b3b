"""Spectra of one case: its sources and every translation against the target, by ring of frequency."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError
from transmodal.experiments.study.bench import Entrant
from transmodal.experiments.study.scored import read_scored
from transmodal.experiments.study.studies.spectrum.rings import (
    PairSpectrum,
    compare,
    frequency_edges,
    window_of,
)
from transmodal.experiments.study.units import Content
from transmodal.volumes import Volume

FEWEST_PIXELS = 20
"""Pixels of the mask below which a slice is left out."""
Mask = NDArray[np.bool_]


class SpectrumItem(NamedTuple):
    """A case of a run, as it travels to a process.

    Attributes:
        entrant: the run.
        evaluation: folder of its evaluation, with volumes.
        cohort: folder.
        case: its name.
        spacing_mm: the coarsest of all cases, whose highest frequency ends the rings.
    """

    entrant: Entrant
    evaluation: Path
    cohort: Path
    case: str
    spacing_mm: float


def measure_spectra(item: SpectrumItem) -> Content:
    """Return a case's spectra: those of the synthetic target under `synthetic`, and of sources by name.

    Raises:
        InputError: E124 when the mask has no slice that is large enough.
    """
    scored = read_scored(item.evaluation, Cohort.open(item.cohort))
    case = next(case for case in scored.cases() if case.id == item.case)
    target, mask = scored.target(case), case.mask()
    inside = np.ones(target.grid.shape, bool) if mask is None else mask
    images = {"synthetic": scored.synthetic(item.entrant.row, case)}
    images |= {name: case.volume(name) for name in scored.task.sources if name in case.modalities}
    edges = frequency_edges(item.spacing_mm)
    return {
        "case": case.id,
        "patient": case.patient,
        "spectra": {
            name: {
                key: [float(value) for value in values]
                for key, values in _of_pair(volume, target, inside, edges)._asdict().items()
            }
            for name, volume in images.items()
        },
    }


def axial_axis(volume: Volume) -> int:
    """Return the axis from foot to head."""
    return next(axis for axis, letter in enumerate(volume.orientation) if letter in "IS")


def in_plane_mm(volume: Volume) -> tuple[float, float]:
    """Return the spacing of axial slices."""
    first, second = (volume.spacing[axis] for axis in range(3) if axis != axial_axis(volume))
    return first, second


def _of_pair(image: Volume, reference: Volume, inside: Mask, edges: NDArray[np.float64]) -> PairSpectrum:
    axis = axial_axis(reference)
    masks = np.moveaxis(inside, axis, 0)
    slices = np.flatnonzero(masks.sum(axis=(1, 2)) >= FEWEST_PIXELS)
    if not len(slices):
        raise InputError(
            "E124",
            f"no axial slice of {FEWEST_PIXELS} voxels inside the mask",
            "a mask of the head",
            "Leave the case out, or prepare the cohort again with a mask.",
        )
    box = tuple(slice(int(side.min()), int(side.max()) + 1) for side in np.nonzero(masks.any(axis=0)))
    planes, references = (
        np.moveaxis(_grey(volume), axis, 0)[slices][:, *box] for volume in (image, reference)
    )
    return compare(
        list(planes),
        list(references),
        [window_of(mask) for mask in masks[slices][:, *box]],
        in_plane_mm(reference),
        edges,
    )


def _grey(volume: Volume) -> NDArray[np.float64]:
    """Return the values as one channel; of colour, the channels' mean."""
    voxels: NDArray[np.float64] = volume.voxels.astype(np.float64)
    return voxels.mean(axis=-1) if volume.is_colour else voxels
