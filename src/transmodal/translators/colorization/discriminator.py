"""The discriminator of MRI colorization, which follows CycleGAN (Zhu et al., ICCV 2017)."""

from __future__ import annotations

from torch import Tensor, nn


class SmallDiscriminator(nn.Module):
    """Conv4 of stride 2, 2, 2, 1, 1 with instance norm and LeakyReLU 0.2; one verdict per image, or a map of them.

    Args:
        channels: of the image.
        width: channels of the first layer; the others have twice as many.
        pooled: whether the map is averaged.
    """

    least_side = 24

    def __init__(self, channels: int, width: int = 64, *, pooled: bool = True) -> None:
        super().__init__()
        self._pooled = pooled
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for before, stride in ((width, 2), (2 * width, 2), (2 * width, 1)):
            layers += [
                nn.Conv2d(before, 2 * width, 4, stride, 1),
                nn.InstanceNorm2d(2 * width),
                nn.LeakyReLU(0.2),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(2 * width, 1, 4, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to verdicts `(B, 1, 1, 1)`, or `(B, 1, h, w)`; not squashed."""
        verdicts: Tensor = self.layers(image)
        return verdicts.mean(dim=(2, 3), keepdim=True) if self._pooled else verdicts
