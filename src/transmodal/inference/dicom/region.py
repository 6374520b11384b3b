"""The region that a run translates, such as the brain or the body, as a DICOM Segmentation beside the synthetic series."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from transmodal._version import __version__
from transmodal.errors import UsageError
from transmodal.inference.names import region_of
from transmodal.inference.translation import Translation
from transmodal.volumes.formats.dicom.export.parametric_map import check_installed
from transmodal.volumes.formats.dicom.export.segmentation import Segment, write_segmentation
from transmodal.volumes.formats.dicom.series import read_order
from transmodal.volumes.geometry.reorient import resample
from transmodal.volumes.regions.masks import Kind

_SEGMENTS: dict[Kind, Segment] = {
    "brain": Segment("brain", "12738006", "Brain"),
    "body": Segment("body", "38266002", "Entire body"),
    "around_brain": Segment("brain and 5 mm around it"),
}


def check_region(kind: Kind) -> None:
    """Refuse the region of a run that has none, before anything is translated.

    Args:
        kind: region of the run's recipe.

    Raises:
        UsageError: E004 for a run that translates everywhere.
        ResourceError: E404 where highdicom is not installed.
    """
    if kind == "whole":
        raise UsageError(
            "E004",
            "--with-region of a run that translates everywhere",
            "a run whose recipe has a region, such as brain or body",
            "Leave it out.",
        )
    check_installed()


def write_region(translation: Translation, kind: Kind, series: Path) -> Path:
    """Write the region of a translation onto the slices of its series; the same region again is the same object.

    Args:
        translation: as it was written, on the grid of the series.
        kind: region of the run's recipe.
        series: folder of the synthetic series.

    Returns:
        The path of the segmentation.

    Raises:
        InputError: E103 for a region without a voxel.
        IntegrityError: E503 when it does not read back equal.
        ResourceError: E404 where highdicom is not installed, E403 where the file cannot be written.
    """
    slices, grid = read_order(series)
    region = translation.region
    if region is None:  # of a region that fills the image
        labels = np.ones(grid.shape, np.uint8)
    else:
        labels = resample(region, grid, how="nearest").voxels.astype(np.uint8)
    path = region_of(series)
    write_segmentation(labels, path, slices, {1: _SEGMENTS[kind]}, f"transmodal {__version__}")
    return path
