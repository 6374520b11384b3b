"""Axial slices for networks, and labels of them back on the grid of the volume."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from transmodal.evaluation.learned.axial import as_labels, mask_slices, slices
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import reorient

CPU = torch.device("cpu")
SHAPE = (33, 37, 6)
AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
Make = Callable[..., Any]


def test_labels_come_back_where_they_were(make_pair: Make) -> None:
    rng = np.random.default_rng(3)
    volume = reorient(Volume(rng.integers(0, 5, SHAPE).astype(np.float32), AFFINE), "ASR")
    planes = slices(volume, make_pair().scale, None)[:, 0].numpy().round().astype(np.int64)
    assert np.array_equal(as_labels(planes, volume), volume.voxels)
    mask = volume.voxels > 2
    assert np.array_equal(as_labels(mask_slices(mask, volume).numpy().astype(np.int64), volume) > 0, mask)
