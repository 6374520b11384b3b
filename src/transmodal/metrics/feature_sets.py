"""Figures of two sets of features, one of measured images and one of synthetic: Frechet and kernel distance.

Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", NeurIPS 2017
(FID); Binkowski et al., "Demystifying MMD GANs", ICLR 2018 (KID).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from transmodal.errors import InputError
from transmodal.metrics.checks import Array

_BLOCK = 2048


def frechet_distance(reference: Array, synthetic: Array) -> float:
    """Return the squared Frechet distance of the two normal distributions that fit the sets; lower is better.

    `|m - n|^2 + trace(S + T - 2 (S T)^(1/2))` of means m and n and unbiased covariances S and T.

    Args:
        reference: features `(N, D)`, one image per row.
        synthetic: features `(M, D)`.

    Raises:
        InputError: E132 for no more images than features in a set, whose covariance is singular and the distance
            too large by what the numbers of images decide; E130 for sets of other features; E120 for features
            that are not finite.
    """
    _check(reference, synthetic, least=reference.shape[-1] + 1)
    x, y = np.asarray(reference, np.float64), np.asarray(synthetic, np.float64)
    between = x.mean(axis=0) - y.mean(axis=0)
    covariance_x, covariance_y = (np.atleast_2d(np.cov(values, rowvar=False)) for values in (x, y))
    # The trace of (S T)^(1/2) is that of the symmetric (S^(1/2) T S^(1/2))^(1/2).
    powers, axes = linalg.eigh(covariance_x)
    root = (axes * np.sqrt(np.clip(powers, 0, None))) @ axes.T
    common = np.sqrt(np.clip(linalg.eigvalsh(root @ covariance_y @ root), 0, None)).sum()
    return max(0.0, float(between @ between + np.trace(covariance_x) + np.trace(covariance_y) - 2 * common))


def kernel_distance(reference: Array, synthetic: Array) -> float:
    """Return the squared maximum mean discrepancy under the kernel `(x y / D + 1)^3`; lower is better.

    The estimate is unbiased whatever the numbers of images; of two like sets it varies around 0, and may be
    below.

    Args:
        reference: features `(N, D)`, one image per row.
        synthetic: features `(M, D)`.

    Raises:
        InputError: E132 for fewer than two images in a set; E130 and E120 as `frechet_distance`.
    """
    _check(reference, synthetic, least=2)
    x, y = np.asarray(reference, np.float64), np.asarray(synthetic, np.float64)
    within = sum(
        (_kernel_sum(features, features) - _kernel_diagonal(features)) / (len(features) * (len(features) - 1))
        for features in (x, y)
    )
    return float(within - 2 * _kernel_sum(x, y) / (len(x) * len(y)))


def _kernel_sum(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return the sum of the kernel over all pairs, block by block."""
    blocks = (x[start : start + _BLOCK] for start in range(0, len(x), _BLOCK))
    return sum(float(((block @ y.T / x.shape[1] + 1) ** 3).sum()) for block in blocks)


def _kernel_diagonal(x: NDArray[np.float64]) -> float:
    return float((((x * x).sum(axis=1) / x.shape[1] + 1) ** 3).sum())


def _check(reference: Array, synthetic: Array, least: int) -> None:
    if reference.ndim != 2 or synthetic.ndim != 2 or reference.shape[1] != synthetic.shape[1]:
        raise InputError(
            "E130",
            f"features of shapes {reference.shape} and {synthetic.shape}",
            "(N, D) and (M, D)",
            "Take both sets through one network.",
        )
    fewest = min(len(reference), len(synthetic))
    if fewest < least:
        raise InputError(
            "E132", f"a set of {fewest} images", f"{least} or more", "Evaluate a larger split, or take kid."
        )
    if not (np.isfinite(reference).all() and np.isfinite(synthetic).all()):
        raise InputError("E120", "features that are not finite", "finite features", "Check the images.")
