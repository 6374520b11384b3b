"""The structures that doses are compared in: labels of a map, or the regions of a structure set on the dose's grid."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from transmodal.errors import InputError
from transmodal.evaluation.overlaps import label_map
from transmodal.metrics.checks import Mask
from transmodal.volumes import Grid, Volume
from transmodal.volumes.formats.dicom import dose as rt_dose
from transmodal.volumes.formats.dicom import structures
from transmodal.volumes.formats.dicom.headers import read_images
from transmodal.volumes.formats.dicom.series import read_slices


class DoseRegion(NamedTuple):
    """A structure on the grid of a dose.

    Attributes:
        label: its number.
        mask: bool `(I, J, K)`.
        name: empty for a label of a map.
    """

    label: int
    mask: Mask
    name: str = ""

    @property
    def title(self) -> str:
        """Its name, or its number where it has none."""
        return self.name or f"structure {self.label}"


def of_labels(volume: Volume) -> tuple[DoseRegion, ...]:
    """Return the structures of a label map, by number.

    Raises:
        InputError: E124 where there is none, and as `overlaps.label_map`.
    """
    labels = label_map(volume)
    if not labels.any():
        raise InputError("E124", "no structure in the label map", "a label above 0", "Check the file.")
    return tuple(DoseRegion(int(label), labels == label) for label in np.unique(labels[labels > 0]))


def of_set(path: Path, grid: Grid, dose: Path) -> tuple[DoseRegion, ...]:
    """Return the structures of a structure set, filled on a dose's grid; those without a voxel there are left out.

    Args:
        path: of the structure set.
        grid: of the dose.
        dose: file or folder of the dose, whose frame of reference has to be the set's where it is DICOM.

    Raises:
        InputError: E130 for another frame of reference, E124 where no structure reaches the grid, and as
            `structures.read` and `structures.fill`.
    """
    structure_set = structures.read(path)
    frame = _frame_of(dose)
    if frame and structure_set.frame and frame != structure_set.frame:
        raise InputError(
            "E130",
            "structures and dose of two frames of reference",
            "one, in which coordinates can be compared",
            "Export both from one plan.",
        )
    filled = [
        DoseRegion(n, structures.fill(structure, grid), structure.name)
        for n, structure in enumerate(structure_set.structures, start=1)
    ]
    regions = tuple(region for region in filled if region.mask.any())
    if not regions:
        raise InputError(
            "E124",
            "structures of which none has a voxel on the dose's grid",
            "contours within the dose",
            "Check that structures and dose are of one patient and plan.",
        )
    return regions


def _frame_of(dose: Path) -> str:
    """Return the frame of reference of a dose; empty where its file says none, as NIfTI does."""
    file = rt_dose.find(dose)
    if file is not None:
        return read_images([file], file.name)[0].text("FrameOfReferenceUID")
    return read_slices(dose)[0].text("FrameOfReferenceUID") if dose.is_dir() else ""
