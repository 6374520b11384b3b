"""FID and KID: figures of a whole split's slices, by the features of an Inception network."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from transmodal.evaluation.judge import Pair
from transmodal.evaluation.score import Measured
from transmodal.evaluation.upright import mask_slices, slices
from transmodal.metrics.sets import frechet_distance, kernel_distance
from transmodal.metrics.table import SplitFigure
from transmodal.nets import inception

Features = NDArray[np.float32]
METRICS = ("fid", "kid")
_AT_ONCE = 8


class FrechetJudge:
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
        self._made: dict[str, dict[str, Features]] = {}
        self._text = ""

    def figures(self, pair: Pair) -> list[Measured]:
        """Return nothing, and remember the features of the pair's slices.

        Raises:
            InputError: E120 for values that are not finite, E124 for an empty mask.
        """
        pair.check()
        self._text = (
            f"Inception of 2015-12-05 {self._digest[:19]}, {inception.FEATURES} features; slices that meet the "
            f"evaluation mask, black outside it (whole where a case has none), upright, resized to "
            f"{inception.SIDE} x {inception.SIDE} (bilinear), grey repeated to three channels, {pair.scale.text()}"
        )
        if pair.case not in self._measured:
            self._measured[pair.case] = self._features(pair, synthetic=False)
        self._made.setdefault(pair.translator, {})[pair.case] = self._features(pair, synthetic=True)
        return []

    def splits(self) -> list[SplitFigure]:
        """Return the figures of every translator."""
        return [
            self._figure(metric, translator, made)
            for metric in self.metrics
            for translator, made in self._made.items()
        ]

    def record(self) -> dict[str, Any]:
        """Return which weights judged."""
        return {"inception_sha256": self._digest}

    def _figure(self, metric: str, translator: str, made: dict[str, Features]) -> SplitFigure:
        x = np.concatenate([self._measured[case] for case in made])
        y = np.concatenate(list(made.values()))
        # With no more images than features the covariance is singular, and the distance says how few they are.
        least = inception.FEATURES + 1 if metric == "fid" else 2
        if len(x) < least:
            note = f"{metric} needs {least} slices or more: there are {len(x)}"
            return SplitFigure(translator, metric, None, self._text, len(x), note)
        distance = frechet_distance if metric == "fid" else kernel_distance
        return SplitFigure(translator, metric, distance(x, y), self._text, len(x))

    @torch.no_grad()
    def _features(self, pair: Pair, *, synthetic: bool) -> Features:
        images = slices(pair.synthetic if synthetic else pair.reference, pair.scale, pair.mask)
        if pair.mask is not None:
            images = images[mask_slices(pair.mask, pair.reference).any(dim=(1, 2))]
        parts = [
            self._net(images[start : start + _AT_ONCE].to(self._device)).cpu()
            for start in range(0, len(images), _AT_ONCE)
        ]
        found: Features = torch.cat(parts).numpy()
        return found
