"""TCGAN's own discriminator."""

from __future__ import annotations

from torch import Tensor, nn

from transmodal.nets.blocks import NormKind, normal_init
from transmodal.nets.dimensions import SLICES
from transmodal.nets.patchgan import Discriminator


class OwnDiscriminator(Discriminator):
    """Four Conv4s2 of 64 to 512 channels with instance normalisation, then Conv4: 16 x 16 verdicts on 256 x 256.

    Args:
        in_channels: of source and target together.
        width: channels of the first layer.
        norm: of the inner layers.
    """

    least_side = 32

    def __init__(self, in_channels: int, width: int, norm: NormKind = "instance") -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(in_channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for before in (width, 2 * width, 4 * width):
            after = 2 * before
            normed = SLICES.norm(norm, after, remembers=False)
            layers += [nn.Conv2d(before, after, 4, 2, 1), normed, nn.LeakyReLU(0.2)]
        layers += [nn.ZeroPad2d((1, 0, 1, 0)), nn.Conv2d(8 * width, 1, 4, padding=1, bias=False)]
        self.layers = nn.Sequential(*layers)
        normal_init(self)

    def forward(self, images: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to verdicts `(B, 1, H / 16, W / 16)`, not squashed."""
        verdicts: Tensor = self.layers(images)
        return verdicts
