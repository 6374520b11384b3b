"""Metrics of colour volumes that are taken of their grey, of their organs, and of what surrounds a mask."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from transmodal.errors import UsageError
from transmodal.metrics.checks import Array, Float, Mask
from transmodal.metrics.pair import Scene, Taken
from transmodal.metrics.slices import over_slices
from transmodal.metrics.suite import artefacts, colour

GREY = "grey is the mean of the three channels"
SOURCE = f"against the source, scaled to 0 to 1 by the cohort's intensity map; {GREY}, by white"


def grey_planes(function: Callable[..., float], scene: Scene) -> Taken:
    """Take a metric of grey images of the grey of both colour volumes, slice by slice."""

    def metric(x: Array, y: Array, mask: Mask | None) -> float:
        return function(x, y, data_range=scene.data_range, mask=mask)

    return _slices(scene, metric, _grey(scene.reference))


def source_planes(function: Callable[..., float], scene: Scene) -> Taken:
    """Take a metric of grey images of the source and of the synthetic volume's grey, both in [0, 1].

    The source shows the anatomy that a colour has to keep; the target's grey has a contrast of its own.

    Raises:
        UsageError: E004 without a source.
    """
    if scene.source is None:
        raise UsageError("E004", "no source", "the grey source of the synthetic volume", "Give it.")

    def metric(x: Array, y: Array, mask: Mask | None) -> float:
        return function(x, y / scene.data_range, data_range=1.0, mask=mask)

    return _slices(scene, metric, np.asarray(scene.source, np.float64))


def organs(figure: Literal["ciede2000", "delta_cf"], scene: Scene) -> Taken:
    """Take the mean over organs of a figure of colour; each organ counts once, however large it is.

    Raises:
        UsageError: E004 without labels.
        InputError: E124 where no voxel has a label above 0.
    """
    if scene.labels is None:
        raise UsageError("E004", "no labels", "the labels of organs", "Give a segmentation.")
    labels = scene.labels if scene.mask is None else np.where(scene.mask, scene.labels, 0)
    found = colour.by_organ(scene.reference, scene.synthetic, labels, white=scene.data_range)
    return Taken(math.fsum(getattr(one, figure) for one in found) / len(found), size=f"{len(found)} organs")


def outside(scene: Scene) -> Taken:
    """Take the share of the synthetic volume's energy that lies outside the mask.

    Raises:
        UsageError: E004 without a mask.
    """
    return Taken(artefacts.outside_energy(scene.synthetic, _mask(scene), background=scene.background))


def ring(scene: Scene) -> Taken:
    """Take the mean energy 2 to 15 mm outside the mask, by the energy inside it.

    Raises:
        UsageError: E004 without a mask.
    """
    figure = artefacts.ring_energy(
        scene.synthetic, _mask(scene), spacing_mm=scene.spacing_mm, background=scene.background
    )
    return Taken(figure)


def _mask(scene: Scene) -> Mask:
    if scene.mask is None:
        raise UsageError("E004", "no mask", "what is inside and what outside", "Give a mask.")
    return scene.mask


def _slices(scene: Scene, metric: Callable[[Array, Array, Mask | None], float], reference: Float) -> Taken:
    figures = over_slices(metric, reference, _grey(scene.synthetic), axis=scene.axis, mask=scene.mask)
    return Taken(figures.mean, figures.excluded)


def _grey(volume: Array) -> Float:
    grey: Float = np.asarray(volume, np.float64).mean(axis=-1)
    return grey
