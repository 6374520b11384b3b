"""Synthetic volumes to write as DICOM: HU of whole numbers, or real numbers of another target."""

from __future__ import annotations

import numpy as np

from transmodal.inference.translation import Translation
from transmodal.volumes import Volume


def translation(source: Volume, target: str = "ct") -> Translation:
    """Return HU of whole numbers, or real numbers of another target, on the grid of a source."""
    values = np.random.default_rng(8).integers(-1024, 2000, source.voxels.shape).astype(np.int16)
    voxels = values if target == "ct" else (values / 7).astype(np.float32)
    record = {
        "synthetic": True,
        "tool": {"name": "transmodal", "version": "0.1"},
        "recipe": "mrnet",
        "checkpoint": {"manifest_sha256": "ab" * 32},
        "sources": {"mr": {"voxels_sha256": "cd"}},
        "target": target,
        "notes": ["first"],
    }
    return Translation(source.with_voxels(voxels), None, record)
