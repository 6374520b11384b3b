"""LPIPS of volumes, slice by slice, inside the mask and whole."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from transmodal.evaluation.learned import _lpips_network as lpips_network
from transmodal.evaluation.learned.base import CasePair
from transmodal.evaluation.learned.slicewise import SliceJudge
from transmodal.metrics.protocol import MetricValue
from transmodal.metrics.table import SplitFigure


class Lpips:
    """Measures LPIPS of every axial slice, and averages.

    The whole slice's figure is the published one. Inside the mask both images are black outside it, the maps of
    the five features are enlarged to the slice as the authors' package does, and averaged over the mask's pixels.

    Args:
        name: the backbone, `alex` or `vgg`.
        backbone: path of its weights, or `random`.
        heads: path of the heads' weights, or `random`.
        device: where it runs.

    Raises:
        UsageError: E004 where weights were not given.
        InputError: E100 where a file does not exist, E101 where it cannot be read.
        IntegrityError: E502 for weights of another architecture.
    """

    def __init__(
        self, name: lpips_network.Name, backbone: str | None, heads: str | None, device: torch.device
    ) -> None:
        self.metrics = (lpips_network.SETTINGS[name],)
        self._nets = lpips_network.pretrained(name, backbone, heads)
        self._digests = [net.to(device).digest() for net in self._nets]
        short = [digest[:19] for digest in self._digests]
        self._judge = SliceJudge(
            self.metrics[0],
            lpips_network.LAYOUTS[name].least_side,
            self._compare,
            f"LPIPS 0.1 {name}, backbone {short[0]}, heads {short[1]}; upright slices, not resized, grey repeated "
            "to three channels",
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
        return {"backbone_sha256": self._digests[0], "heads_sha256": self._digests[1]}

    def _compare(self, reference: Tensor, synthetic: Tensor, within: Tensor | None) -> Tensor:
        """Return one figure per slice; 0 where a slice does not meet the mask."""
        maps = lpips_network.distances(self._nets, reference * 2 - 1, synthetic * 2 - 1)
        if within is None:
            return torch.stack([part.mean(dim=(1, 2, 3)) for part in maps]).sum(dim=0)
        large = [
            torch.nn.functional.interpolate(part, reference.shape[2:], mode="bilinear", align_corners=False)
            for part in maps
        ]
        total = (torch.stack(large).sum(dim=0)[:, 0] * within).sum(dim=(1, 2))
        return total / within.sum(dim=(1, 2)).clamp(min=1)
