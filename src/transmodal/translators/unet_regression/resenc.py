"""nnU-Net's residual encoder U-Net for two or three dimensions; Isensee et al., Nature Methods 2021, MICCAI 2024.

Isensee et al., nnU-Net Revisited, MICCAI 2024, is where the encoder of residual blocks is recommended.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from transmodal.nets.blocks import full_precision
from transmodal.nets.dimensions import layers_of

WIDEST = {2: 16, 3: 10}
"""Most channels of a stage, in widths: 512 and 320 at a width of 32."""
_SLOPE = 0.01


class ResidualEncoderUNet(nn.Module):
    """Many residual blocks per stage down, one convolution per stage up; instance norm and LeakyReLU.

    Args:
        in_channels: of the source.
        out_channels: of the output; the heads are linear.
        width: channels of the first stage; doubled at each of the next, up to `WIDEST`.
        blocks: residual blocks of each stage; the sides are halved between stages.
        heads: finest resolutions that have an output of their own.
        spatial_dims: 2 or 3.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        width: int,
        blocks: Sequence[int],
        *,
        heads: int = 1,
        spatial_dims: int,
    ) -> None:
        super().__init__()
        dims, nd = spatial_dims, layers_of(spatial_dims)
        widths = [width * min(2**stage, WIDEST[dims]) for stage in range(len(blocks))]
        self.stem = _convolved(in_channels, width, dims)
        self.down = nn.ModuleList()
        for stage, count in enumerate(blocks):
            first = ResidualBlock(widths[max(0, stage - 1)], widths[stage], dims, halves=stage > 0)
            following = [ResidualBlock(widths[stage], widths[stage], dims) for _ in range(count - 1)]
            self.down.append(nn.Sequential(first, *following))
        self.enlarge, self.up = nn.ModuleList(), nn.ModuleList()
        for stage in reversed(range(len(blocks) - 1)):
            self.enlarge.append(nd.conv_transpose(widths[stage + 1], widths[stage], 2, 2))
            self.up.append(_convolved(2 * widths[stage], widths[stage], dims))
        self.heads = nn.ModuleList(nd.conv(widths[stage], out_channels, 1) for stage in range(heads))
        for part in self.modules():
            if isinstance(part, (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)):
                nn.init.kaiming_normal_(part.weight, a=_SLOPE)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)

    def forward(self, source: Tensor) -> Tensor:
        """Map `(B, C, *S)` to float32 `(B, out, *S)`; sides are multiples of 2 to the number of halvings."""
        return self._judged(source, 1)[0]

    def pyramid(self, source: Tensor) -> tuple[Tensor, ...]:
        """Return every head's output, the finest first; each next one has half the sides."""
        return self._judged(source, len(self.heads))

    def _judged(self, source: Tensor, count: int) -> tuple[Tensor, ...]:
        x, skips = self.stem(source), list[Tensor]()
        for stage in self.down:
            x = stage(x)
            skips.append(x)
        skips.pop()
        maps = list[Tensor]()
        for enlarge, join in zip(self.enlarge, self.up, strict=True):
            x = join(torch.cat([enlarge(x), skips.pop()], dim=1))
            maps.append(x)
        with full_precision(x):
            return tuple(self.heads[n](maps[-1 - n].float()) for n in range(count))


class ResidualBlock(nn.Module):
    """LeakyReLU(shortcut(x) + norm(conv(LeakyReLU(norm(conv(x))))); ResNet-D's shortcut of He et al., CVPR 2019.

    Args:
        before: channels that come in.
        after: channels that go out.
        spatial_dims: 2 or 3.
        halves: whether the sides are halved: by the first convolution, and by averaging in the shortcut.
    """

    def __init__(self, before: int, after: int, spatial_dims: int, *, halves: bool = False) -> None:
        super().__init__()
        nd = layers_of(spatial_dims)
        self.inner = nn.Sequential(
            *_convolved(before, after, spatial_dims, stride=2 if halves else 1),
            nd.conv(after, after, 3, padding=1),
            nd.instance_norm(after, affine=True),
        )
        shortcut: list[nn.Module] = [nd.average(2)] if halves else []
        if before != after:
            shortcut += [nd.conv(before, after, 1, bias=False), nd.instance_norm(after, affine=True)]
        self.shortcut = nn.Sequential(*shortcut)
        self.last = nn.LeakyReLU(_SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, before, *S)` to `(B, after, *S)`, or to half of the sides."""
        out: Tensor = self.last(self.shortcut(x) + self.inner(x))
        return out


def _convolved(before: int, after: int, spatial_dims: int, stride: int = 1) -> nn.Sequential:
    nd = layers_of(spatial_dims)
    return nn.Sequential(
        nd.conv(before, after, 3, stride, 1),
        nd.instance_norm(after, affine=True),
        nn.LeakyReLU(_SLOPE),
    )
