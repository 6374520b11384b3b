"""The DICOM form of a translation: a series of CT or MR images that is of the source's patient and says what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from transmodal.errors import IntegrityError, UsageError
from transmodal.inference.dicom.region import write_region
from transmodal.inference.names import REGION
from transmodal.inference.translation import Translation
from transmodal.modalities import modality_of
from transmodal.storage import files
from transmodal.volumes import Volume, binding, io
from transmodal.volumes.binding import Binding
from transmodal.volumes.formats.dicom.export.burning import burn_in
from transmodal.volumes.formats.dicom.export.deidentification import Pseudonyms
from transmodal.volumes.formats.dicom.export.marking import Maker, describe_series
from transmodal.volumes.formats.dicom.export.origin import SeriesOrigin
from transmodal.volumes.formats.dicom.writing import SYNTHETIC, name_plane, write_slices
from transmodal.volumes.geometry.reorient import resample
from transmodal.volumes.regions.masks import Kind
from transmodal.volumes.volume import TOLERANCE_MM

_MODALITIES = ("CT", "MR")
_DIGITS = 12
"""Of the SHA-256 of an ensemble's further runs."""

_STEPS = 65535
_LONG_STRING = 64
NOBODY = "the source does not say whose it is: PatientID is a placeholder; --patient says it"
FACES = "de-identified headers do not hide a face: the voxels are as they were translated"


@dataclass(frozen=True)
class SeriesForm:
    """The form of one file per slice, in a folder that is the series.

    Attributes:
        target: modality of the synthetic volume.
        origin: of whom it is, where in space it lies, and from which images it was made.
        pseudonyms: in place of names and UIDs where it is de-identified; None keeps the patient's.
        is_burned_in: whether the word SYNTHETIC is written into the pixels.
        description: SeriesDescription, behind the word SYNTHETIC; the target where it is empty.
        series: SeriesInstanceUID; where it is empty, one that follows from voxels and headers.
        region: kind of the region that is written beside it, as a segmentation; None writes none.
    """

    target: str
    origin: SeriesOrigin
    pseudonyms: Pseudonyms | None = None
    is_burned_in: bool = False
    description: str = ""
    series: str = ""
    region: Kind | None = None

    def describe(self, volume: Volume) -> dict[str, Any]:
        """Return the kind of the series, and its plane and patient as far as a sidecar says them."""
        return {
            "dicom": {
                "modality": dicom_modality(self.target),
                "plane": name_plane(volume.affine),
                "deidentified": self.pseudonyms is not None,
                "n_source_images": len(self.origin.images),
            }
        }

    def notes(self, volume: Volume) -> tuple[str, ...]:
        """Return what the series does not say or hold."""
        notes = []
        if self.origin.is_placeholder:
            notes.append(NOBODY)
        if volume.voxels.dtype.kind == "f":
            step = (float(volume.voxels.max()) - float(volume.voxels.min())) / _STEPS
            notes.append(f"DICOM holds whole numbers: values are rounded to steps of {step:.3g}")
        if self.pseudonyms is not None:
            notes.append(FACES)
        if self.is_burned_in:
            notes.append("the word SYNTHETIC is burned into every slice, in place of the voxels there")
        return tuple(notes)

    def write(self, volume: Volume, path: Path, record: Mapping[str, Any]) -> Binding:
        """Write the series, read it back, and return its hashes.

        Raises:
            UsageError: E004 where slices are too small for a word that is burned in.
            InputError: as `write_slices`.
            IntegrityError: E503 when it does not read back equal.
            ResourceError, UsageError: where the folder cannot be.
        """
        volume = burn_in(volume) if self.is_burned_in else volume
        seed = "".join(binding.of_volume(volume))
        modality = dicom_modality(self.target)
        about = describe_series(self.origin, maker_of(record), modality, seed, self.pseudonyms)
        about = replace(about, series=self.series or about.series)
        if self.description:
            about = replace(about, description=f"{SYNTHETIC} {self.description}"[:_LONG_STRING])
        if about.elements is not None and "ReferencedSeriesSequence" in about.elements:
            # SourceImageSequence says the same of every image, and a map alone has to have both.
            del about.elements.ReferencedSeriesSequence
        if self.is_burned_in and about.elements is not None:
            about.elements.BurnedInAnnotation = "YES"
        with files.atomic_folder(path) as beside:
            write_slices(volume, beside, about)
            back = io.read(beside)
            _check_equal(volume, back, path.name)
        return Binding(binding.digest(path), *binding.of_volume(back))

    def write_beside(self, translation: Translation, path: Path) -> dict[str, Any]:
        """Write the segmentation of the region, where there is to be one.

        Raises:
            TransmodalError: as `region.write_region`.
        """
        if self.region is None:
            return {}
        segmentation = write_region(translation, self.region, path)
        return {REGION: {"name": segmentation.name, **Binding(binding.digest(segmentation))._asdict()}}


def dicom_modality(target: str) -> str:
    """Return DICOM's Modality of a target.

    Raises:
        UsageError: E004 for a target that is neither CT nor MR, or in colour.
    """
    modality = modality_of(target)
    # A modality of a user's own has no line there, and is an MR contrast as its defaults are.
    name = modality.dicom or "MR"
    if name not in _MODALITIES or modality.is_colour:
        raise UsageError("E004", f"{target} as DICOM", "a target that is CT or MR", "Write NIfTI instead.")
    return name


def maker_of(record: Mapping[str, Any]) -> Maker:
    """Return the software and the run that a translation's record says."""
    checkpoint = record.get("checkpoint", {})
    run = checkpoint.get("manifest_sha256") or checkpoint.get("weights_sha256") or ""
    tool, recipe = record["tool"], record.get("recipe", "")
    sources, runs = tuple(record.get("sources", {})), record.get("ensemble", {}).get("runs", [])
    if runs:
        recipe = f"ensemble of {len(runs)}, {recipe}"
        digests = [str(member["checkpoint"].get("manifest_sha256", ""))[:_DIGITS] for member in runs[1:]]
        run = " and ".join([run, *digests])
    return Maker(tool["name"], tool["version"], recipe, run, sources, record["target"])


def _check_equal(volume: Volume, back: Volume, name: str) -> None:
    """Refuse a series that does not read back as it was written, but for the order of its slices and rounding."""
    apart = _distance(volume, back)
    back = resample(back, volume.grid, how="nearest")
    values = volume.voxels.astype(np.float64)
    step = float(np.ptp(values)) / _STEPS if volume.voxels.dtype.kind == "f" else 0.0
    if apart > TOLERANCE_MM or np.abs(back.voxels - values).max() > 0.51 * step:
        raise IntegrityError(
            "E503", f"{name} does not read back equal", "what was written", "Check the disk, then try again."
        )


def _distance(first: Volume, second: Volume) -> float:
    """Return how far, in mm, the corners of two grids lie apart, whichever way their axes run."""
    corners, candidates = first.grid.corners(), second.grid.corners()
    return float(np.linalg.norm(corners[:, None] - candidates[None], axis=2).min(axis=1).max())
