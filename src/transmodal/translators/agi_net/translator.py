"""AGINet: settings, networks, players and losses; the package cites the paper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.errors import UsageError
from transmodal.nets.blocks import full_precision
from transmodal.translators._conditional_gan import (
    ConditionalGan,
    ConditionalGanConfig,
    patch_discriminator,
)
from transmodal.translators.agi_net.group_rolling import (
    Attention,
    CagrConv,
    CagrSpec,
    ChannelAttention,
    Fill,
    Routing,
    SpatialAttention,
    grouped,
)


class Config(ConditionalGanConfig):
    """The paper's values where they are known.

    Attributes:
        levels: stages; the sides are halved between them.
        blocks: residual blocks per stage.
        groups: n; None takes one per source modality.
        cga: cross group attention by `channel`, by place (`spatial`), or `none`.
        rolling: whether kernels are moved group by group.
        roll_fill: what comes in where a kernel moves: its other end (`circular`) or 0 (`zero`).
        delta: furthest that a kernel moves, in pixels.
        replace: which 3 x 3 convolutions are CAGR: those of the `encoder`, `all` or `none`.
    """

    levels: int = Field(4, ge=2, le=6)
    blocks: int = Field(2, ge=1, le=4)
    groups: int | None = Field(None, ge=1)
    cga: Attention = "channel"
    rolling: bool = True
    roll_fill: Fill = "circular"
    delta: float = Field(1.0, gt=0, le=2)
    replace: Literal["encoder", "all", "none"] = "encoder"

    @property
    def modalities(self) -> tuple[int, ...]:
        """Channels of each source modality in the `source` tensor."""
        return tuple(channels * self.slab_depth for channels in self.source_channels)


class AGINet(ConditionalGan):
    """A conditional GAN whose generator knows its modalities apart."""

    accepts_missing = True
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
        """Translate `(B, C, H, W)` into `(B, T, H, W)` in [-1, 1]; what missing modalities hold does not matter."""
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
        if inner[0] * inner[1] < 2:
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
        there = torch.cat(
            [available[:, [n]].expand(-1, channels) for n, channels in enumerate(self.config.modalities)],
            dim=1,
        )
        return torch.where(there[..., None, None] > 0, source, torch.zeros_like(source))

    def condition(self, batch: Batch) -> Tensor:
        """Return the sources that are there; the discriminator sees 0 for the others."""
        return self.present(batch.source, batch.available)

    def maps(self, source: Tensor, available: Tensor) -> dict[str, Tensor]:
        """Return what cross group attention lets pass at each stage, to be drawn.

        A map is sum_c a_c |x_c| / sum_c |x_c| over a group's channels, averaged over the stage's convolutions;
        0 where nothing is active. With `cga: spatial` that is the attention itself; attention by channel has no
        map of its own, and gets one by what the channels show.

        Returns:
            By stage, such as `encoder.0`: `(B, n, h, w)` in [0, 1]; nothing with `cga: none`.
        """
        groups = self.generator.spec.groups

        def passed(inputs: Tensor, out: Tensor) -> Tensor:
            whole, part = (grouped(one.float().abs(), groups).sum(dim=2) for one in (inputs, out))
            return torch.where(whole > 0, part / whole.clamp(min=1e-12), torch.zeros_like(whole))

        seen = self._watch((ChannelAttention, SpatialAttention), passed, source, available)
        stages: dict[str, list[Tensor]] = {}
        for name, one in seen.items():
            # The strided convolutions between stages are left out: their maps are of other sizes.
            if not name.startswith("shrink"):
                stages.setdefault(".".join(name.split(".")[:2]), []).append(one)
        return {stage: torch.stack(found).mean(dim=0) for stage, found in stages.items()}

    def offsets(self, source: Tensor, available: Tensor) -> dict[str, Tensor]:
        """Return by how much each convolution moves its kernels, to be compared with true misalignment.

        Returns:
            By convolution: theta `(B, n, 2)` in that stage's pixels, down and right; nothing without rolling.
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
        seen: dict[str, Tensor] = {}
        hooks = [
            module.register_forward_hook(
                lambda _, inputs, out, name=name: seen.__setitem__(name, record(inputs[0], out))
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
        return seen


class GroupedResUNet(nn.Module):
    """A residual U-Net of CAGR convolutions: strided down, bilinear up, skips by concatenation, tanh.

    Attributes:
        spec: of its CAGR convolutions.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        groups = config.groups or len(config.source_channels)
        self.spec = CagrSpec(groups, config.cga, config.rolling, config.roll_fill, config.delta)
        plain = self.spec._replace(cga="none", rolling=False)
        inward = plain if config.replace == "none" else self.spec
        outward = self.spec if config.replace == "all" else plain
        widths = [config.width * 2**level for level in range(config.levels)]
        self.stem = ModalityStem(config.modalities, config.width)
        self.encoder = nn.ModuleList(_stage(width, width, config.blocks, inward) for width in widths)
        # Not normalised: what is constant over an image, such as an absence, would be lost here.
        self.shrink = nn.ModuleList(CagrConv(width, 2 * width, inward, 2, bias=True) for width in widths[:-1])
        self.narrow = nn.ModuleList(nn.Conv2d(2 * width, width, 1) for width in reversed(widths[:-1]))
        self.decoder = nn.ModuleList(
            _stage(2 * width, width, config.blocks, outward) for width in reversed(widths[:-1])
        )
        self.head = nn.Conv2d(config.width, config.target_channels, 3, padding=1)

    def forward(self, source: Tensor, available: Tensor) -> Tensor:
        """Map `(B, C, H, W)`, 0 where missing, to float32 `(B, T, H, W)` in [-1, 1]."""
        x = self.encoder[0](self.stem(source, available))
        skips = []
        for shrink, stage in zip(self.shrink, self.encoder[1:], strict=True):
            skips.append(x)
            x = stage(shrink(x))
        for narrow, stage in zip(self.narrow, self.decoder, strict=True):
            # A 1x1 convolution commutes with interpolation: before it, it costs a quarter.
            x = F.interpolate(narrow(x), scale_factor=2.0, mode="bilinear", align_corners=False)
            x = stage(torch.cat([x, skips.pop()], dim=1))
        with full_precision(x):
            out: Tensor = torch.tanh(self.head(x.float()))
        return out


class ModalityStem(nn.Module):
    """Conv3 of each modality by itself, into channels of its own; what is missing says so.

    A missing modality's channels are a learnt vector over the whole image instead: an image of zeros is grey.

    Args:
        modalities: channels of each in the source.
        width: channels of the result, shared out evenly.
    """

    def __init__(self, modalities: tuple[int, ...], width: int) -> None:
        super().__init__()
        self._modalities = modalities
        share = width // len(modalities)
        self.convs = nn.ModuleList(nn.Conv2d(channels, share, 3, padding=1) for channels in modalities)
        self.absence = nn.Parameter(0.1 * torch.randn(len(modalities), share))

    def forward(self, source: Tensor, available: Tensor) -> Tensor:
        """Map `(B, C, H, W)` and `(B, n_modalities)` to `(B, width, H, W)`."""
        parts = []
        for n, (conv, image) in enumerate(
            zip(self.convs, torch.split(source, list(self._modalities), dim=1), strict=True)
        ):
            shown: Tensor = conv(image)
            there = available[:, n, None, None, None] > 0
            parts.append(torch.where(there, shown, self.absence[n, :, None, None].to(shown)))
        return torch.cat(parts, dim=1)


class ResidualBlock(nn.Module):
    """relu(x + IN(conv(relu(IN(conv(x)))))), with a 1 x 1 convolution of x where the channels differ."""

    def __init__(self, before: int, after: int, spec: CagrSpec) -> None:
        super().__init__()
        self.conv1 = CagrConv(before, after, spec)
        self.conv2 = CagrConv(after, after, spec)
        self.norm = nn.InstanceNorm2d(after)
        self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, before, H, W)` to `(B, after, H, W)`."""
        inner = torch.relu(self.norm(self.conv1(x)))
        return torch.relu(self.shortcut(x) + self.norm(self.conv2(inner)))


def _stage(before: int, after: int, blocks: int, spec: CagrSpec) -> nn.Sequential:
    first = ResidualBlock(before, after, spec)
    return nn.Sequential(first, *(ResidualBlock(after, after, spec) for _ in range(blocks - 1)))


def _check_groups(config: Config) -> None:
    modalities = len(config.source_channels)
    for parts, what in ((modalities, "source modalities"), (config.groups or modalities, "groups")):
        if config.width % parts:
            raise UsageError(
                "E004",
                f"a width of {config.width} for {parts} {what}",
                f"a multiple of {parts}",
                f"Set settings.width to {-(-config.width // parts) * parts}.",
            )


def build(config: Config) -> AGINet:
    """Build the translator."""
    return AGINet(config)
