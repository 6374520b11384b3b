"""The generators of MRI colorization, with one or two decoders.

Mathur et al., arXiv 2412.10452, 2024. Squeeze and excitation is of Hu, Shen and Sun, CVPR 2018; the stem follows
CycleGAN (Zhu et al., ICCV 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets.blocks import full_precision


class FusionSpec(NamedTuple):
    """The parts of a generator.

    Attributes:
        width: channels of the stem, even; the bottleneck has four times as many.
        blocks: residual blocks per decoder.
        multiscale: whether the image is also seen at a half and a quarter of its sides.
        squeeze: whether residual blocks and links weigh their channels.
        convolutions: whether residual blocks have a convolutional branch.
        reduction: ratio by which channels are squeezed.
        least: channels that are left at least.
    """

    width: int
    blocks: int
    multiscale: bool
    squeeze: bool
    convolutions: bool
    reduction: int = 16
    least: int = 8


class Generator(nn.Module):
    """Encoder and one decoder: what goes from colour to grey.

    Args:
        before: channels of the input.
        after: channels of the output.
        spec: its parts.
    """

    def __init__(self, before: int, after: int, spec: FusionSpec) -> None:
        super().__init__()
        self.encoder = Encoder(before, spec)
        self.decoder = Decoder(after, spec)

    def forward(self, image: Tensor) -> Tensor:
        """Map `(B, before, H, W)` to float32 `(B, after, H, W)` in [0, 1]."""
        out: Tensor = self.decoder(self.encoder(image))
        return out


class DualGenerator(nn.Module):
    """Encoder and two decoders of the same kind: one maps organs to colours, the other colours the image.

    Args:
        before: channels of the input.
        after: channels of either output.
        spec: its parts.
        linked: whether the colour decoder gets the organ decoder's features, stage by stage.
    """

    def __init__(self, before: int, after: int, spec: FusionSpec, *, linked: bool) -> None:
        super().__init__()
        self.encoder = Encoder(before, spec)
        self.organs = Decoder(after, spec)
        self.colour = Decoder(after, spec)
        self.links: nn.ModuleList | None = None
        if linked:
            self.links = nn.ModuleList(
                SqueezeExcite(channels, spec.reduction, spec.least) if spec.squeeze else nn.Identity()
                for channels in self.colour.channels
            )

    def forward(self, image: Tensor) -> Tensor:
        """Map `(B, before, H, W)` to the coloured image alone, float32 `(B, after, H, W)` in [0, 1]."""
        code = self.encoder(image)
        if self.links is None:
            alone: Tensor = self.colour(code)
            return alone
        return self.colour.image(self.colour.stages(code, self._guides(self.organs.stages(code)))[-1])

    def colour_and_organs(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return the coloured image and the organs' colours, each `(B, after, H, W)`."""
        code = self.encoder(image)
        features = self.organs.stages(code)
        coloured = self.colour.stages(code, self._guides(features))[-1]
        return self.colour.image(coloured), self.organs.image(features[-1])

    def _guides(self, features: Sequence[Tensor]) -> list[Tensor] | None:
        if self.links is None:
            return None
        return [link(feature) for link, feature in zip(self.links, features, strict=True)]


class Encoder(nn.Module):
    """Conv7, then two strided Conv3, with instance norm; to which the smaller scales are added.

    The half and the quarter image each go through three Conv3 without norm, to half of the channels; they are
    concatenated with one another and added to what the whole image gives.
    """

    def __init__(self, before: int, spec: FusionSpec) -> None:
        super().__init__()
        width = spec.width
        self.whole = nn.Sequential(
            nn.Conv2d(before, width, 7, padding=3, padding_mode="reflect"),
            nn.InstanceNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, 2, 1),
            nn.InstanceNorm2d(2 * width),
            nn.ReLU(),
            nn.Conv2d(2 * width, 4 * width, 3, 2, 1),
            nn.InstanceNorm2d(4 * width),
            nn.ReLU(),
        )
        self.smaller: nn.ModuleList | None = None
        if spec.multiscale:
            self.smaller = nn.ModuleList([_branch(before, width, stride=2), _branch(before, width, stride=1)])

    def forward(self, image: Tensor) -> Tensor:
        """Map `(B, before, H, W)` to `(B, 4 width, H / 4, W / 4)`."""
        code: Tensor = self.whole(image)
        if self.smaller is None:
            return code
        codes = [
            branch(F.interpolate(image, scale_factor=factor, mode="bilinear", align_corners=False))
            for branch, factor in zip(self.smaller, (0.5, 0.25), strict=True)
        ]
        return code + torch.cat(codes, dim=1)


class Decoder(nn.Module):
    """Residual blocks, two transposed Conv3 with instance norm, Conv7 and a sigmoid.

    Attributes:
        channels: of its three stages: the blocks, and either side-doubling.
    """

    def __init__(self, after: int, spec: FusionSpec) -> None:
        super().__init__()
        width = spec.width
        self.channels = (4 * width, 2 * width, width)
        blocks = (FusionBlock(4 * width, spec) for _ in range(spec.blocks))
        self.body = nn.ModuleList([nn.Sequential(*blocks), _up(4 * width), _up(2 * width)])
        self.head = nn.Conv2d(width, after, 7, padding=3, padding_mode="reflect")

    def forward(self, code: Tensor) -> Tensor:
        """Map `(B, 4 width, h, w)` to float32 `(B, after, 4 h, 4 w)` in [0, 1]."""
        return self.image(self.stages(code)[-1])

    def stages(self, code: Tensor, guides: Sequence[Tensor] | None = None) -> list[Tensor]:
        """Return what each stage gives, with `guides` added, one per stage."""
        x, features = code, []
        for n, stage in enumerate(self.body):
            x = stage(x) if guides is None else stage(x) + guides[n]
            features.append(x)
        return features

    def image(self, last: Tensor) -> Tensor:
        """Map the last stage to the image, in float32."""
        with full_precision(last):
            out: Tensor = torch.sigmoid(self.head(last.float()))
        return out


class FusionBlock(nn.Module):
    """x + SE(x), and with convolutions + Conv3(ReLU(Conv3(x))), each with instance norm."""

    def __init__(self, channels: int, spec: FusionSpec) -> None:
        super().__init__()
        self.squeeze = SqueezeExcite(channels, spec.reduction, spec.least) if spec.squeeze else None
        self.convolutions = (
            nn.Sequential(
                nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
                nn.InstanceNorm2d(channels),
                nn.ReLU(),
                nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
                nn.InstanceNorm2d(channels),
            )
            if spec.convolutions
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape `(B, C, H, W)`."""
        out = x
        if self.squeeze is not None:
            out = out + self.squeeze(x)
        if self.convolutions is not None:
            out = out + self.convolutions(x)
        return out


class SqueezeExcite(nn.Module):
    """x * sigmoid(W2 relu(W1 mean(x))): every channel weighed by what all of them hold over the whole image.

    Args:
        channels: of the input.
        reduction: what the channels are divided by in between.
        least: channels that are left at least.
    """

    def __init__(self, channels: int, reduction: int = 16, least: int = 8) -> None:
        super().__init__()
        between = max(least, channels // reduction)
        self.squeeze = nn.Linear(channels, between)
        self.excite = nn.Linear(between, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape `(B, C, H, W)`."""
        weights = torch.sigmoid(self.excite(torch.relu(self.squeeze(x.mean(dim=(2, 3))))))
        return x * weights[..., None, None]


def _branch(before: int, width: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, width // 2, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width // 2, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, stride, 1),
        nn.ReLU(),
    )


def _up(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(channels, channels // 2, 3, 2, 1, output_padding=1),
        nn.InstanceNorm2d(channels // 2),
        nn.ReLU(),
    )
