"""Label maps of a group: a cohort's segmentations, a folder with one per case, or one atlas for all; and images on their grids."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.store import PreparedCase
from transmodal.counts import counted
from transmodal.errors import InputError
from transmodal.evaluation.overlaps import label_map
from transmodal.evaluation.predictions import folder as folders
from transmodal.evaluation.predictions.folder import PredictionFolder
from transmodal.evaluation.predictions.reading import covers
from transmodal.storage import placeholders
from transmodal.volumes import Grid, Volume, io
from transmodal.volumes.geometry.reorient import reorient, resample
from transmodal.volumes.reading import Reading


class LabelMap(NamedTuple):
    """Labels on a grid whose axes run closest to RAS.

    Attributes:
        labels: whole numbers of 0 or more; 0 is no region.
        grid: their grid.
    """

    labels: NDArray[np.integer[Any]]
    grid: Grid


LabelReaders = Mapping[str, Callable[[], LabelMap]]
"""What reads a case's labels, by case."""


def of_cohort(cases: Sequence[PreparedCase]) -> LabelReaders:
    """Return the segmentations of a cohort's cases.

    Raises:
        InputError: E131 where no case has one.
    """
    readers = {case.id: partial(_of_case, case) for case in cases if case.entry.segmentation is not None}
    if not readers:
        raise InputError(
            "E131",
            "a cohort without segmentations",
            "label maps",
            "Name them: --labels FOLDER, or --labels ATLAS for one that all cases share.",
        )
    return readers


def of_path(
    place: Path, cases: Sequence[str], roster: Collection[str], reading: Reading
) -> tuple[LabelReaders, int]:
    """Return the label maps of a folder, matched by names, or one file for all cases; and how many files are of no case.

    Raises:
        InputError: E100 where there is nothing, E132 for a folder without a map of any case, and as
            `predictions.folder.match`.
    """
    if place.is_file():
        atlas = _read(place, reading)
        return {case: lambda: atlas for case in cases}, 0
    if not place.is_dir():
        placeholders.refuse(place)
        raise InputError("E100", f"{place} does not exist", "a label map or a folder", "Check the path.")
    matched = folders.match(PredictionFolder(place, place.name), cases, roster)
    if not matched.files:
        raise InputError(
            "E132",
            f"{place.name} without a label map of any of {counted(len(cases), 'case')}",
            "files whose names have a case's as a whole token",
            "Rename them.",
        )
    readers = {case: partial(_read, path, reading) for case, path in matched.files.items()}
    return readers, len(matched.unknown)


def on_grid(image: Volume, grid: Grid, label: str, *, resamples: bool) -> Volume:
    """Return an image on the grid of its labels, whose regions keep the size that they have there.

    Args:
        image: grey.
        grid: of the labels.
        label: whose image, for errors.
        resamples: bring an image of another grid onto it, linearly.

    Raises:
        InputError: E130 for another grid, and for another field of view in any case.
    """
    own = reorient(image)
    if own.grid.same_as(grid):
        return own
    if not covers(own.grid, grid):
        raise InputError(
            "E130",
            f"{label}, whose field of view is not that of its labels (shape {own.grid.shape} beside {grid.shape})",
            "labels of the image's place in space",
            "Register the labels to the image first.",
        )
    if not resamples:
        raise InputError(
            "E130",
            f"{label} on another grid than its labels (shape {own.grid.shape} beside {grid.shape})",
            "one grid",
            "Write the labels on the image's grid, or have images brought onto the labels': --resample.",
        )
    return resample(own, grid, fill=float(own.voxels.min()))


def _of_case(case: PreparedCase) -> LabelMap:
    labels = case.segmentation()
    assert labels is not None, "cases with a segmentation alone"
    return LabelMap(labels, case.grid)


def _read(path: Path, reading: Reading) -> LabelMap:
    volume = io.read_fitted(path, reading)
    canonical = reorient(volume.with_voxels(label_map(volume)))
    return LabelMap(canonical.voxels, canonical.grid)
