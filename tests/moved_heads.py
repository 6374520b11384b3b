"""A head that has moved between two images."""

from __future__ import annotations

import numpy as np

from transmodal.volumes import Volume

DEGREES, SHIFT = 6.0, np.array([5.0, -7.0, 4.0])


def moved(volume: Volume) -> Volume:
    """The head has turned and shifted; nothing but the header tells."""
    angle = np.deg2rad(DEGREES)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    turn[:3, 3] = SHIFT
    return Volume(volume.voxels, turn @ volume.affine)
