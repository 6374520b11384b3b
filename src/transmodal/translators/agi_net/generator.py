"""AGI-Net's generator: a residual U-Net whose convolutions attend to and roll groups of channels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets.blocks import full_precision
from transmodal.nets.dimensions import layers_of
from transmodal.translators.agi_net.config import Config
from transmodal.translators.agi_net.group_rolling import (
    CagrConv,
    CagrSpec,
)


class GroupedResUNet(nn.Module):
    """A residual U-Net of CAGR convolutions: strided down, linear interpolation up, skips by concatenation, tanh.

    Attributes:
        spec: of its CAGR convolutions.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        groups = config.groups or len(config.source_channels)
        nd = layers_of(config.spatial_dims)
        self.spec = CagrSpec(groups, config.cga, config.rolling, config.roll_fill, config.delta, nd.dims)
        plain = self.spec._replace(cga="none", rolling=False)
        inward = plain if config.replace == "none" else self.spec
        outward = self.spec if config.replace == "all" else plain
        widths = [config.width * 2**level for level in range(config.levels)]
        self._up_mode = nd.linear
        self.stem = ModalityStem(config.modalities, config.width, nd.dims)
        self.encoder = nn.ModuleList(_stage(width, width, config.blocks, inward) for width in widths)
        # Not normalised: what is constant over an image, such as an absence, would be lost here.
        self.shrink = nn.ModuleList(CagrConv(width, 2 * width, inward, 2, bias=True) for width in widths[:-1])
        self.narrow = nn.ModuleList(nd.conv(2 * width, width, 1) for width in reversed(widths[:-1]))
        self.decoder = nn.ModuleList(
            _stage(2 * width, width, config.blocks, outward) for width in reversed(widths[:-1])
        )
        self.head = nd.conv(config.width, config.target_channels, 3, padding=1)

    def forward(self, source: Tensor, available: Tensor) -> Tensor:
        """Map `(B, C, *S)`, 0 where missing, to float32 `(B, T, *S)` in [-1, 1]."""
        x = self.encoder[0](self.stem(source, available))
        skips = []
        for shrink, stage in zip(self.shrink, self.encoder[1:], strict=True):
            skips.append(x)
            x = stage(shrink(x))
        for narrow, stage in zip(self.narrow, self.decoder, strict=True):
            # A 1x1 convolution commutes with interpolation: before it, it costs a quarter (an eighth).
            x = F.interpolate(narrow(x), scale_factor=2.0, mode=self._up_mode, align_corners=False)
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
        dims: spatial dimensions, 2 or 3.
    """

    def __init__(self, modalities: tuple[int, ...], width: int, dims: int = 2) -> None:
        super().__init__()
        self._modalities, self._nd = modalities, layers_of(dims)
        share = width // len(modalities)
        self.convs = nn.ModuleList(self._nd.conv(channels, share, 3, padding=1) for channels in modalities)
        self.absence = nn.Parameter(0.1 * torch.randn(len(modalities), share))

    def forward(self, source: Tensor, available: Tensor) -> Tensor:
        """Map `(B, C, *S)` and `(B, n_modalities)` to `(B, width, *S)`."""
        parts = []
        for n, (conv, image) in enumerate(
            zip(self.convs, torch.split(source, list(self._modalities), dim=1), strict=True)
        ):
            features: Tensor = conv(image)
            is_present = self._nd.per_channel(available[:, n, None]) > 0
            absence = self._nd.per_channel(self.absence[n]).to(features)
            parts.append(torch.where(is_present, features, absence))
        return torch.cat(parts, dim=1)


class ResidualBlock(nn.Module):
    """relu(x + IN(conv(relu(IN(conv(x)))))), with a 1 x 1 convolution of x where the channels differ."""

    def __init__(self, before: int, after: int, spec: CagrSpec) -> None:
        super().__init__()
        nd = layers_of(spec.dims)
        self.conv1 = CagrConv(before, after, spec)
        self.conv2 = CagrConv(after, after, spec)
        self.norm = nd.instance_norm(after)
        self.shortcut = nn.Identity() if before == after else nd.conv(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, before, *S)` to `(B, after, *S)`."""
        inner = torch.relu(self.norm(self.conv1(x)))
        return torch.relu(self.shortcut(x) + self.norm(self.conv2(inner)))


def _stage(before: int, after: int, blocks: int, spec: CagrSpec) -> nn.Sequential:
    first = ResidualBlock(before, after, spec)
    return nn.Sequential(first, *(ResidualBlock(after, after, spec) for _ in range(blocks - 1)))
