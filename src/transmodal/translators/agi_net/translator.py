"""AGI-Net: players and losses; the package cites the paper."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.errors import UsageError
from transmodal.nets.dimensions import layers_of
from transmodal.translators._conditional_gan import (
    ConditionalGan,
    patch_discriminator,
)
from transmodal.translators.agi_net.config import Config
from transmodal.translators.agi_net.generator import GroupedResUNet
from transmodal.translators.agi_net.group_rolling import (
    ChannelAttention,
    Routing,
    SpatialAttention,
    grouped,
)


class AGINet(ConditionalGan):
    """A conditional GAN whose generator knows its modalities apart."""

    accepts_missing = True
    supported_dims = (2, 3)
    config: Config
    generator: GroupedResUNet

    def __init__(self, config: Config) -> None:
        _check_groups(config)
        generator, discriminator = GroupedResUNet(config), patch_discriminator(config, "instance")
        multiple = 2 ** (config.levels - 1)
        super().__init__(config, generator, discriminator, multiple=multiple, steps_first="discriminator")

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Translate `(B, C, *S)` into `(B, T, *S)` in [-1, 1]; what missing modalities hold does not matter."""
        self.check(source, available)
        out: Tensor = self.generator(self.present(source, available), available)
        return out

    def check(self, source: Tensor, available: Tensor) -> None:
        """Refuse as the base does, and windows too small for the innermost stage, and samples without any source.

        Raises:
            UsageError: E004.
        """
        super().check(source, available)
        inner = [side // self.size_multiple() for side in source.shape[2:]]
        if math.prod(inner) < 2:
            raise UsageError(
                "E004",
                f"windows of {tuple(source.shape[2:])} at {self.config.levels} levels, whose last is of 1 pixel",
                "more than one pixel, which instance normalisation needs",
                "Set a larger windows.size, or fewer settings.levels.",
            )
        if not available.is_meta and not bool(available.any(dim=1).all()):
            raise UsageError(
                "E004",
                "AGINet was given a sample without any source modality",
                "one or more per sample",
                "Supply a source, or leave the case out.",
            )

    def present(self, source: Tensor, available: Tensor) -> Tensor:
        """Return the source with 0 for everything that is missing, whatever stood there."""
        is_present = torch.cat(
            [available[:, [n]].expand(-1, channels) for n, channels in enumerate(self.config.modalities)],
            dim=1,
        )
        spread = layers_of(self.config.spatial_dims).per_channel(is_present)
        return torch.where(spread > 0, source, torch.zeros_like(source))

    def condition(self, batch: Batch) -> Tensor:
        """Return the sources that are there; the discriminator sees 0 for the others."""
        return self.present(batch.source, batch.available)

    def maps(self, source: Tensor, available: Tensor) -> dict[str, Tensor]:
        """Return what cross group attention lets pass at each stage, to be drawn.

        A map is sum_c a_c |x_c| / sum_c |x_c| over a group's channels, averaged over the stage's convolutions;
        0 where nothing is active. With `cga: spatial` that is the attention itself; attention by channel has no
        map of its own, and gets one by what the channels show.

        Returns:
            By stage, such as `encoder.0`: `(B, n, *s)` in [0, 1]; nothing with `cga: none`.
        """
        groups = self.generator.spec.groups

        def passed(inputs: Tensor, out: Tensor) -> Tensor:
            whole, part = (
                grouped(activation.float().abs(), groups).sum(dim=2) for activation in (inputs, out)
            )
            return torch.where(whole > 0, part / whole.clamp(min=1e-12), torch.zeros_like(whole))

        records = self._watch((ChannelAttention, SpatialAttention), passed, source, available)
        stages: dict[str, list[Tensor]] = {}
        for name, share in records.items():
            # The strided convolutions between stages are left out: their maps are of other sizes.
            if not name.startswith("shrink"):
                stages.setdefault(".".join(name.split(".")[:2]), []).append(share)
        return {stage: torch.stack(shares).mean(dim=0) for stage, shares in stages.items()}

    def offsets(self, source: Tensor, available: Tensor) -> dict[str, Tensor]:
        """Return by how much each convolution moves its kernels, to be compared with true misalignment.

        Returns:
            By convolution: theta `(B, n, dims)` in that stage's pixels along the axes, of images down and right; nothing without rolling.
        """
        return self._watch((Routing,), lambda _, out: out[1], source, available)

    def _watch(
        self,
        kinds: tuple[type[nn.Module], ...],
        record: Callable[[Tensor, Any], Tensor],
        source: Tensor,
        available: Tensor,
    ) -> dict[str, Tensor]:
        """Translate, and record what modules of some kinds take in and give out, by their names."""
        records: dict[str, Tensor] = {}
        hooks = [
            module.register_forward_hook(
                lambda _, inputs, out, name=name: records.__setitem__(name, record(inputs[0], out))
            )
            for name, module in self.generator.named_modules()
            if isinstance(module, kinds)
        ]
        try:
            with torch.no_grad():
                self(source, available)
        finally:
            for hook in hooks:
                hook.remove()
        return records


def _check_groups(config: Config) -> None:
    modalities = len(config.source_channels)
    for parts, kind in ((modalities, "source modalities"), (config.groups or modalities, "groups")):
        if config.width % parts:
            raise UsageError(
                "E004",
                f"a width of {config.width} for {parts} {kind}",
                f"a multiple of {parts}",
                f"Set settings.width to {-(-config.width // parts) * parts}.",
            )


def build(config: Config) -> AGINet:
    """Build the translator."""
    return AGINet(config)
