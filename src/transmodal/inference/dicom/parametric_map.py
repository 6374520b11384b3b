"""The DICOM form of a translation that keeps real numbers: one Parametric Map, such as of FA."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transmodal.errors import IntegrityError, UsageError
from transmodal.inference.dicom.series import FACES, NOBODY, maker_of
from transmodal.inference.translation import Translation
from transmodal.modalities import modality_of
from transmodal.storage import files
from transmodal.volumes import Volume, binding
from transmodal.volumes.binding import Binding
from transmodal.volumes.formats.dicom.export.deidentification import Pseudonyms
from transmodal.volumes.formats.dicom.export.marking import describe_series
from transmodal.volumes.formats.dicom.export.origin import SeriesOrigin
from transmodal.volumes.formats.dicom.export.parametric_map import Quantity, read_map, write_map
from transmodal.volumes.formats.dicom.writing import name_plane
from transmodal.volumes.geometry.reorient import resample

FILE = "map.dcm"
"""Name of the file in the folder of a map."""
_QUANTITIES = {
    "FA": Quantity("FA", code=("110808", "Fractional Anisotropy")),
    "HU": Quantity("CT", "[hnsf'U]", "Hounsfield unit"),
}
"""Quantities by the unit of their modality."""


@dataclass(frozen=True)
class MapForm:
    """The form of one file with all slices as 32-bit real numbers, in a folder of its own.

    Attributes:
        target: modality of the synthetic volume.
        origin: of whom it is, where in space it lies, and from which images it was made.
        pseudonyms: in place of names and UIDs where it is de-identified; None keeps the patient's.
    """

    target: str
    origin: SeriesOrigin
    pseudonyms: Pseudonyms | None = None

    def describe(self, volume: Volume) -> dict[str, Any]:
        """Return the kind of the map, and its plane and patient as far as a sidecar says them."""
        return {
            "dicom": {
                "object": "parametric-map",
                "plane": name_plane(volume.affine),
                "deidentified": self.pseudonyms is not None,
                "n_source_images": len(self.origin.images),
            }
        }

    def notes(self, volume: Volume) -> tuple[str, ...]:
        """Return what the map does not say or hold."""
        beyond = "" if volume.voxels.dtype.kind == "f" else "whole numbers are written as real ones"
        nobody = NOBODY if self.origin.is_placeholder else ""
        faces = "" if self.pseudonyms is None else FACES
        return tuple(note for note in (nobody, beyond, faces) if note)

    def write(self, volume: Volume, path: Path, record: Mapping[str, Any]) -> Binding:
        """Write the map, read it back, and return the hash of its folder; image readers here take no multi-frame files.

        Raises:
            InputError: as `write_map`.
            IntegrityError: E503 when it does not read back equal.
            ResourceError: E404 where highdicom is not installed, and where the folder cannot be.
        """
        seed = "".join(("map", *binding.of_volume(volume)))
        about = describe_series(self.origin, maker_of(record), "MR", seed, self.pseudonyms)
        with files.atomic_folder(path) as beside:
            write_map(volume, beside / FILE, about, quantity_of(self.target))
            back = resample(read_map(beside / FILE), volume.grid, how="nearest")
            if not np.array_equal(back.voxels, volume.voxels.astype(np.float32)):
                raise IntegrityError(
                    "E503",
                    f"{path.name} does not read back equal",
                    "what was written",
                    "Check the disk, then try again.",
                )
        return Binding(binding.digest(path))

    def write_beside(self, translation: Translation, path: Path) -> dict[str, Any]:
        """Write nothing: a map stands alone."""
        return {}


def quantity_of(target: str) -> Quantity:
    """Return the quantity of a target, by its unit where that says it.

    Raises:
        UsageError: E004 for a target in colour.
    """
    modality = modality_of(target)
    if modality.is_colour:
        raise UsageError("E004", f"{target} as a map", "a grey target", "Write NIfTI instead.")
    return _QUANTITIES.get(modality.unit, Quantity(modality.label[:16]))
