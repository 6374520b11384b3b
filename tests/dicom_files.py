"""A small DICOM series for tests, whose headers a test changes slice by slice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from transmodal.volumes import Volume
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series

SHAPE = (6, 5, 6)
"""Columns, rows and slices."""
N_SLICES = SHAPE[2]


def series(folder: Path, modality: str = "MR", change: Callable[[Dataset, int], None] | None = None) -> Path:
    """Write six slices of a magnitude image, `0001.dcm` and on; `change` gets each with its number from 0."""
    voxels = np.random.default_rng(3).integers(1, 900, SHAPE).astype(np.int16)
    about = SeriesAbout(modality, "t1_fl3d", "A1", "1.2.3", "1.2.9")
    write_series(Volume(voxels, np.diag([-1.0, -1.5, 2.0, 1.0])), folder, about)
    for n, path in enumerate(sorted(folder.iterdir())):
        header = pydicom.dcmread(path)
        kind = ["M", "ND"] if modality == "MR" else ["AXIAL"]
        header.ImageType = ["ORIGINAL", "PRIMARY", *kind]
        if change is not None:
            change(header, n)
        header.save_as(path)
    return folder
