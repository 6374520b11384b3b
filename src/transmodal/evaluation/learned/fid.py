"""FID and KID of all slices of a split, by the features of an Inception network."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from transmodal.evaluation.learned import _inception as inception
from transmodal.evaluation.learned.axial import Mask, mask_slices, slices
from transmodal.evaluation.learned.base import CasePair, Scale
from transmodal.metrics.feature_sets import frechet_distance, kernel_distance
from transmodal.metrics.protocol import MetricValue
from transmodal.metrics.table import SplitFigure
from transmodal.volumes import Volume

Features = NDArray[np.float32]
METRICS = ("fid", "kid")
_AT_ONCE = 8


class InceptionDistances:
    """Collects the features of the slices that meet the masks, measured and synthetic.

    Args:
        metrics: `fid`, `kid` or both.
        weights: path of the Inception network's weights, or `random`.
        device: where it runs.

    Raises:
        UsageError: E004 where weights were not given.
        InputError: E100 where the file does not exist, E101 where it cannot be read.
        IntegrityError: E502 for weights of another architecture.
    """

    def __init__(self, metrics: tuple[str, ...], weights: str | None, device: torch.device) -> None:
        self.metrics = metrics
        self._net = inception.pretrained_inception(weights).to(device)
        self._device = device
        self._digest = self._net.digest()
        self._measured: dict[str, Features] = {}
        self._synthetic: dict[str, dict[str, Features]] = {}
        self._text = ""

    def measure(self, pair: CasePair) -> list[MetricValue]:
        """Return nothing, and remember the features of the pair's slices.

        Raises:
            InputError: E120 for values that are not finite, E124 for an empty mask.
        """
        pair.check()
        self.add_measured(pair.case, pair.reference, pair.mask, pair.scale)
        self.add_synthetic(pair.translator, pair.case, pair.synthetic, pair.mask, pair.scale)
        return []

    def add_measured(self, case: str, target: Volume, mask: Mask | None, scale: Scale) -> None:
        """Remember the features of a measured target's slices, once per case.

        Args:
            case: id of the case.
            target: in real units.
            mask: where it is looked at; None looks everywhere.
            scale: of its values.
        """
        self._text = (
            f"Inception of 2015-12-05 {self._digest[:19]}, {inception.FEATURES} features; slices that meet the "
            f"evaluation mask, black outside it (whole where a case has none), upright, resized to "
            f"{inception.SIDE} x {inception.SIDE} (bilinear), grey repeated to three channels, {scale.text()}"
        )
        if case not in self._measured:
            self._measured[case] = self._features(target, mask, scale)

    def add_synthetic(
        self, translator: str, case: str, synthetic: Volume, mask: Mask | None, scale: Scale
    ) -> None:
        """Remember the features of a synthetic volume's slices; its case need not be among the measured ones.

        Args:
            translator: by which it was made.
            case: id of the case.
            synthetic: in real units.
            mask: where it is looked at; None looks everywhere.
            scale: of its values.
        """
        self._synthetic.setdefault(translator, {})[case] = self._features(synthetic, mask, scale)

    def split_figures(self) -> list[SplitFigure]:
        """Return the figures of every translator."""
        return [
            self._figure(metric, translator, features)
            for metric in self.metrics
            for translator, features in self._synthetic.items()
        ]

    def record(self) -> dict[str, Any]:
        """Return which weights measured."""
        return {"inception_sha256": self._digest}

    def _figure(self, metric: str, translator: str, synthetic: dict[str, Features]) -> SplitFigure:
        x = np.concatenate(list(self._measured.values()))
        y = np.concatenate(list(synthetic.values()))
        # With no more images than features the covariance is singular, and the distance says how few they are.
        least = inception.FEATURES + 1 if metric == "fid" else 2
        n_slices = min(len(x), len(y))
        if n_slices < least:
            note = f"{metric} needs {least} slices or more: there are {n_slices}"
            return SplitFigure(translator, metric, None, self._text, n_slices, note)
        distance = frechet_distance if metric == "fid" else kernel_distance
        return SplitFigure(translator, metric, distance(x, y), self._text, n_slices)

    @torch.no_grad()
    def _features(self, volume: Volume, mask: Mask | None, scale: Scale) -> Features:
        images = slices(volume, scale, mask)
        if mask is not None:
            images = images[mask_slices(mask, volume).any(dim=(1, 2))]
        parts = [
            self._net(images[start : start + _AT_ONCE].to(self._device)).cpu()
            for start in range(0, len(images), _AT_ONCE)
        ]
        features: Features = torch.cat(parts).numpy()
        return features
