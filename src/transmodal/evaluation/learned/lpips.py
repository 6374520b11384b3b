"""LPIPS of volumes, slice by slice, inside the mask and whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from transmodal.errors import UsageError
from transmodal.evaluation.learned import _lpips_network as lpips_network
from transmodal.evaluation.learned.axial import mask_slices, slices
from transmodal.evaluation.learned.base import CasePair
from transmodal.metrics.protocol import MetricValue, Protocol
from transmodal.metrics.registry import find
from transmodal.metrics.table import SplitFigure

_AT_ONCE = 8


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
        self._side = lpips_network.LAYOUTS[name].least_side
        self._device = device
        self._name = name
        self._nets = lpips_network.pretrained(name, backbone, heads)
        self._digests = [net.to(device).digest() for net in self._nets]

    def measure(self, pair: CasePair) -> list[MetricValue]:
        """Return the figure inside the mask, where there is one, and that of the whole volume.

        Raises:
            UsageError: E004 for slices that are smaller than the network can take.
            InputError: E120 for values that are not finite, E124 for an empty mask.
        """
        pair.check()
        return [
            self._figure(pair, inside) for inside in ([True, False] if pair.mask is not None else [False])
        ]

    def split_figures(self) -> list[SplitFigure]:
        """Return nothing: all figures are of cases."""
        return []

    def record(self) -> dict[str, Any]:
        """Return which weights measured."""
        return {"backbone_sha256": self._digests[0], "heads_sha256": self._digests[1]}

    def _figure(self, pair: CasePair, inside: bool) -> MetricValue:
        mask = pair.mask if inside else None
        images = [slices(volume, pair.scale, mask) * 2 - 1 for volume in (pair.reference, pair.synthetic)]
        side = min(images[0].shape[2:])
        if side < self._side:
            raise UsageError(
                "E004",
                f"slices of {images[0].shape[2]} x {images[0].shape[3]} pixels for {self.metrics[0]}",
                f"{self._side} pixels or more per side",
                "Leave this metric out.",
            )
        within = None if mask is None else mask_slices(mask, pair.reference)
        values = torch.cat(list(self._values(images, within)))
        is_used = torch.ones(len(values), dtype=torch.bool) if within is None else within.any(dim=(1, 2))
        return MetricValue(
            self.metrics[0],
            float(values[is_used].double().mean()),
            find(self.metrics[0]).unit,
            Protocol(
                "mask" if inside else "whole",
                2,
                pair.unit,
                pair.scale.width,
                definition=self._text(pair),
                mask=pair.mask_text if inside else "",
            ),
            None if within is None else int((~is_used).sum()),
        )

    @torch.no_grad()
    def _values(self, images: list[Tensor], within: Tensor | None) -> Iterator[Tensor]:
        """Yield one figure per slice, batch by batch; 0 where a slice does not meet the mask."""
        for start in range(0, len(images[0]), _AT_ONCE):
            reference, synthetic = (image[start : start + _AT_ONCE].to(self._device) for image in images)
            maps = lpips_network.distances(self._nets, reference, synthetic)
            if within is None:
                yield torch.stack([part.mean(dim=(1, 2, 3)) for part in maps]).sum(dim=0).cpu()
                continue
            large = [
                torch.nn.functional.interpolate(
                    part, reference.shape[2:], mode="bilinear", align_corners=False
                )
                for part in maps
            ]
            inside = within[start : start + _AT_ONCE].to(self._device)
            total = (torch.stack(large).sum(dim=0)[:, 0] * inside).sum(dim=(1, 2))
            yield (total / inside.sum(dim=(1, 2)).clamp(min=1)).cpu()

    def _text(self, pair: CasePair) -> str:
        backbone, heads = (digest[:19] for digest in self._digests)
        return (
            f"LPIPS 0.1 {self._name}, backbone {backbone}, heads {heads}; upright slices, not resized, grey "
            f"repeated to three channels, {pair.scale.text()}"
        )
