"""The acquisition of a virtual subject: grid, bias field, noise."""

from __future__ import annotations

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.simulation.anatomy import rotation
from transmodal.cohorts.simulation.draws import Floats
from transmodal.volumes import Grid

ORIENTATIONS = ("RAS", "LPS", "LAS", "RPI", "LIP", "PSR", "ASL", "RSA", "LPI", "AIL")
OBLIQUE_DEG = 10.0
MARGINS_MM = {"R": 26.0, "L": 26.0, "A": 28.0, "P": 22.0, "S": 25.0, "I": 12.0}
"""Margin of the field of view beyond the brain, by the direction that an axis' end points to."""
_OPPOSITE = dict(zip("RLAPSI", "LRPAIS", strict=True))


def draw_grid(rng: np.random.Generator, spacing_mm: float, surface_mm: NDArray[np.float64]) -> Grid:
    """Draw spacing, orientation and obliquity, and lay the grid around the brain and its head.

    Args:
        rng: the subject's generator for this.
        spacing_mm: around which the spacing varies; slices are up to 15 % thicker than pixels.
        surface_mm: points on the brain's surface in scanner mm, `(P, 3)`.
    """
    pixel = spacing_mm * rng.uniform(0.94, 1.06)
    spacing = np.array([pixel, pixel, pixel * rng.uniform(1.0, 1.15)])
    code = ORIENTATIONS[rng.integers(len(ORIENTATIONS))]
    axes = (
        rotation(rng, OBLIQUE_DEG)
        @ nib.orientations.inv_ornt_aff(nib.orientations.axcodes2ornt(tuple(code)), (1, 1, 1))[:3, :3].T
    )
    along = surface_mm @ axes
    start = along.min(axis=0) - [MARGINS_MM[_OPPOSITE[end]] for end in code]
    stop = along.max(axis=0) + [MARGINS_MM[end] for end in code]
    i, j, k = np.ceil((stop - start) / spacing).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = axes * spacing
    affine[:3, 3] = axes @ (start + rng.uniform(-0.5, 0.5, 3) * spacing)
    return Grid((int(i), int(j), int(k)), affine)


def bias(rng: np.random.Generator, world_mm: Floats, strength: float) -> Floats:
    """Draw the logarithm of a bias field: long waves through the scanner.

    Args:
        rng: the generator of one modality.
        world_mm: where to evaluate it, `(3, ...)` in scanner mm.
        strength: standard deviation; 0.06 makes about 20 % from one end to the other.
    """
    total = np.zeros(world_mm.shape[1:], np.float32)
    n_waves = 6
    for _ in range(n_waves):
        direction = rng.standard_normal(3)
        direction *= 2 * np.pi / (rng.uniform(220, 520) * np.linalg.norm(direction))
        phase = np.tensordot(direction.astype(np.float32), world_mm, axes=1) + rng.uniform(0, 2 * np.pi)
        total += np.cos(phase, dtype=np.float32)
    return total * np.float32(strength * np.sqrt(2 / n_waves))


def rician(rng: np.random.Generator, signal: Floats, sigma: float) -> Floats:
    """Return the magnitude of a signal with Gaussian noise in both channels."""
    real = signal + np.float32(sigma) * rng.standard_normal(signal.shape, dtype=np.float32)
    imaginary = np.float32(sigma) * rng.standard_normal(signal.shape, dtype=np.float32)
    magnitude: Floats = np.hypot(real, imaginary)
    return magnitude


def gaussian(rng: np.random.Generator, signal: Floats, sigma: float) -> Floats:
    """Return a signal with Gaussian noise."""
    return signal + np.float32(sigma) * rng.standard_normal(signal.shape, dtype=np.float32)
