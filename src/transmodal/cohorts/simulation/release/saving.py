"""Write virtual subjects as a release has them: volumes, diffusion series, and stacks of pictures."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
from pydicom.uid import generate_uid

from transmodal.cohorts import label_pictures
from transmodal.cohorts.headers import bids_names
from transmodal.cohorts.simulation import diffusion
from transmodal.cohorts.simulation.contrasts import LABELS
from transmodal.modalities import modality_of
from transmodal.storage import files
from transmodal.volumes import Volume, io
from transmodal.volumes.formats import nifti
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series

Files = dict[str, Volume]
"""Volumes by their path below the release's folder; the first is the one that a defect of one file hits."""

_MARK = "VIRTUAL SUBJECT"
_COLOUR_OF = {
    label: (label * 37 % 256, label * 91 % 256, label * 151 % 256) for label in sorted(LABELS.values())
}


def save(volumes: Files, folder: Path) -> None:
    """Write volumes."""
    for path, volume in volumes.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        io.write(volume, place, description=_MARK)


def save_series(volumes: Files, folder: Path) -> None:
    """Write FA and b0 as a diffusion series, and the rest as it is."""
    save({path: volume for path, volume in volumes.items() if "/dwi/" not in path}, folder)
    path = next(path for path in volumes if path.endswith("_dwi.nii.gz"))
    b0, fa = volumes[path], volumes[path.replace("_dwi.", "_fa.")]
    voxels, b, vectors = diffusion.series(fa, b0)
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    nifti.write_series(voxels, b0.affine, place, _MARK)
    for ending, rows in ((".bval", b[None]), (".bvec", vectors.T)):
        text = "".join(" ".join(f"{value:.6g}" for value in row) + "\n" for row in rows)
        (place.parent / place.name.replace(".nii.gz", ending)).write_text(text)


def save_stacks(volumes: Files, folder: Path) -> None:
    """Write pictures, and their geometry and label colours beside them."""
    save(volumes, folder)
    path, colour = next((path, colour) for path, colour in volumes.items() if "/colour/" in path)
    body = folder / PurePosixPath(path).parts[0]
    files.write_json(body / "stack.json", {"spacing_mm": list(colour.spacing), "orientation": "LPI"})
    (body / "colours.csv").write_text(label_pictures.format_table(_COLOUR_OF))


def save_dicom(volumes: Files, folder: Path) -> None:
    """Write each volume as a series, into a folder whose name says nothing; all of a subject are one study."""
    for number, (path, volume) in enumerate(volumes.items(), start=1):
        subject, kind = PurePosixPath(path).parts
        study, frame = (generate_uid(entropy_srcs=[subject, level]) for level in ("study", "frame"))
        modality = modality_of(kind).dicom
        description = "head" if modality == "CT" else f"{kind} of a virtual subject"
        about = SeriesAbout(modality, description, subject, study, frame, number, synthetic=True)
        place = folder / subject
        place.mkdir(parents=True, exist_ok=True)
        # Tenths of MR's units are noise; whole numbers come back exactly.
        write_series(
            volume.with_voxels(np.rint(volume.voxels).astype(np.int16)), place / f"{number:03d}", about
        )


def save_bids(volumes: Files, folder: Path) -> None:
    """Write volumes, and the dataset's description."""
    save(volumes, folder)
    about = {"Name": "Virtual subjects", "BIDSVersion": bids_names.VERSION, "DatasetType": "raw"}
    files.write_json(folder / bids_names.DESCRIPTION, about)


def in_colours(segmentation: Volume) -> Volume:
    """Return labels as the colours that `save_stacks` says they have."""
    palette = np.array([_COLOUR_OF[label] for label in range(len(_COLOUR_OF))], np.uint8)
    return segmentation.with_voxels(palette[segmentation.voxels])
