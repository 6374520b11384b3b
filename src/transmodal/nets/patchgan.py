"""The patch discriminator of pix2pix: a map of verdicts, each on 70 pixels a side at three strided layers."""

from __future__ import annotations

from torch import Tensor, nn

from transmodal.nets.blocks import NormKind, normal_init
from transmodal.nets.dimensions import layers_of


class Discriminator(nn.Module):
    """A network that maps images `(B, C, *S)` to verdicts `(B, 1, *s)`, not squashed.

    Attributes:
        least_side: shortest side on which there is a verdict.
    """

    least_side: int


class PatchDiscriminator(Discriminator):
    """Conv4: stride 2 three times, then stride 1 twice; LeakyReLU 0.2, no sigmoid.

    Isola et al., CVPR 2017. At a 256 x 256 input the map is 30 x 30. Batch normalisation takes the batch's
    statistics in training and evaluation alike: a discriminator is only ever asked in losses, which keep no state.

    Args:
        in_channels: of source and target together for a conditional discriminator.
        width: channels of the first layer; doubled up to `8 * width`.
        norm: of all layers but the first and the last.
        strided: layers of stride 2.
        spatial_dims: 2 or 3.
    """

    def __init__(
        self,
        in_channels: int,
        width: int = 64,
        norm: NormKind = "batch",
        strided: int = 3,
        *,
        spatial_dims: int = 2,
    ) -> None:
        super().__init__()
        self.least_side = 3 * 2**strided
        nd = layers_of(spatial_dims)
        widths = [width * min(2**n, 8) for n in range(strided + 1)]
        layers: list[nn.Module] = [nd.conv(in_channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for n in range(1, strided + 1):
            stride = 2 if n < strided else 1
            layers += [
                nd.conv(widths[n - 1], widths[n], 4, stride, 1, bias=norm != "batch"),
                nd.norm(norm, widths[n], remembers=False),
                nn.LeakyReLU(0.2),
            ]
        self.layers = nn.Sequential(*layers, nd.conv(widths[-1], 1, 4, 1, 1))
        normal_init(self)

    def forward(self, images: Tensor) -> Tensor:
        """Map `(B, C, *S)` to verdicts `(B, 1, *s)`, not squashed."""
        verdicts: Tensor = self.layers(images)
        return verdicts
