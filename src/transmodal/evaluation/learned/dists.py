"""DISTS of volumes, slice by slice, inside the mask and whole."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from transmodal.evaluation.learned import _dists_network as dists_network
from transmodal.evaluation.learned.base import CasePair
from transmodal.evaluation.learned.slicewise import SliceJudge
from transmodal.metrics.protocol import MetricValue
from transmodal.metrics.table import SplitFigure


class Dists:
    """Measures DISTS of every axial slice, and averages.

    The whole slice's figure is the published one, without the resizing to 256 pixels that its authors advise for
    photographs. Inside the mask both images are black outside it, and means and covariances are taken over the
    mask's pixels.

    Args:
        features: path of VGG-16's weights, or `random`.
        channels: path of the weights of channels, alpha and beta, or `random`.
        device: where it runs.

    Raises:
        UsageError: E004 where weights were not given.
        InputError: E100 where a file does not exist, E101 where it cannot be read.
        IntegrityError: E502 for weights of another architecture.
    """

    metrics = (dists_network.SETTING,)

    def __init__(self, features: str | None, channels: str | None, device: torch.device) -> None:
        self._networks = dists_network.pretrained(features, channels)
        self._digests = [net.to(device).digest() for net in self._networks]
        short = [digest[:19] for digest in self._digests]
        self._judge = SliceJudge(
            self.metrics[0],
            dists_network.LEAST_SIDE,
            self._compare,
            f"DISTS, VGG-16 {short[0]}, alpha and beta {short[1]}; upright slices, not resized, grey repeated to "
            "three channels",
            device,
        )

    def measure(self, pair: CasePair) -> list[MetricValue]:
        """Return the figure inside the mask, where there is one, and that of the whole volume.

        Raises:
            UsageError, InputError: as `SliceJudge.figures`.
        """
        return self._judge.figures(pair)

    def split_figures(self) -> list[SplitFigure]:
        """Return nothing: all figures are of cases."""
        return []

    def record(self) -> dict[str, Any]:
        """Return which weights measured."""
        return {"features_sha256": self._digests[0], "channels_sha256": self._digests[1]}

    def _compare(self, reference: Tensor, synthetic: Tensor, within: Tensor | None) -> Tensor:
        return dists_network.distances(self._networks, reference, synthetic, within)
