"""VGG-19 up to relu5_1, whose features compare images; Simonyan and Zisserman, ICLR 2015.

The names of the tensors are torchvision's. No weights come with this package: they are given by path, as the
file of torchvision or as that of AdaIN (Huang and Belongie, ICCV 2017), which scales the features to mean 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from transmodal.nets.frozen import FrozenNet

Layout = Literal["torchvision", "adain"]
Taps = Literal["relu", "early_code"]

WIDTHS = ((64, 64), (128, 128), (256, 256, 256, 256), (512, 512, 512, 512), (512,))
"""Channels of the convolutions, by stage; of stage 5 the first one alone."""
PUBLISHED: Mapping[Layout, str] = {
    "torchvision": "vgg19-dcbf9e07.pth of https://download.pytorch.org/models",
    "adain": "vgg_normalised.pth of https://github.com/naoto0804/pytorch-AdaIN/releases",
}


class Vgg19(nn.Module):
    """Features of five stages.

    Args:
        layout: `torchvision` pads with zeros and takes colours normalised as ImageNet's; `adain` begins with a
            1 x 1 convolution of the colours and pads by reflection.
        taps: `relu`: relu1_1 to relu5_1; `early_code`: conv1_1 to conv4_1 before their ReLU, and relu4_1.

    Attributes:
        least_side: shortest side of an image that has all features.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, layout: Layout = "torchvision", taps: Taps = "relu") -> None:
        super().__init__()
        self.least_side = least_side(layout)
        layers, firsts = _layers(layout)
        self.features = nn.Sequential(*layers)
        # The ReLU follows its convolution.
        self._taps = [n + 1 for n in firsts] if taps == "relu" else [*firsts[:4], firsts[3] + 1]
        plain = layout == "torchvision"
        mean = torch.tensor((0.485, 0.456, 0.406) if plain else (0.0, 0.0, 0.0)).view(3, 1, 1)
        deviation = torch.tensor((0.229, 0.224, 0.225) if plain else (1.0, 1.0, 1.0)).view(3, 1, 1)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("deviation", deviation, persistent=False)
        for part in self.features:
            if isinstance(part, nn.Conv2d):
                # What random weights begin with: features neither vanish nor grow with depth.
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu")

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the features of five stages, of `(B, C_n, H / 2 ** n, W / 2 ** n)`.

        Args:
            images: `(B, C, H, W)`, in [0, 1] for torchvision's weights. Three channels are red, green and blue;
                otherwise each channel is a grey image of its own, repeated, and the features have `B * C` samples.
        """
        if images.shape[1] != 3:
            images = images.flatten(0, 1).unsqueeze(1).expand(-1, 3, -1, -1)
        x, features = (images - self.mean) / self.deviation, []
        for n, layer in enumerate(self.features):
            x = layer(x)
            if n in self._taps:
                features.append(x)
            if n == self._taps[-1]:
                break
        return features


def least_side(layout: Layout) -> int:
    """Return the shortest side of an image: four halvings leave one pixel, or the two that can be reflected."""
    return 16 if layout == "torchvision" else 32


def pretrained_vgg(path: str | None, layout: Layout, taps: Taps, otherwise: str) -> FrozenNet:
    """Return VGG-19 with the weights of a file.

    Args:
        path: of the weights; `random` for seeded random ones.
        layout: which file it is.
        taps: which features are asked for.
        otherwise: what else can be set, for the message when there are no weights.
    """
    published = f"Download {PUBLISHED[layout]}; {otherwise}"
    return FrozenNet(
        lambda: Vgg19(layout, taps), path, published, lambda tensors: rename_tensors(tensors, layout)
    )


def rename_tensors(tensors: Mapping[str, Tensor], layout: Layout) -> dict[str, Tensor]:
    """Return a file's tensors under our names, without those behind relu5_1."""
    last = _layers(layout, shapes_only=True)[1][-1]
    by_place = (
        {f"features.{name}": value for name, value in tensors.items()} if layout == "adain" else tensors
    )
    features = {}
    for name, value in by_place.items():
        parts = name.split(".")
        beyond = len(parts) > 1 and parts[1].isdigit() and int(parts[1]) > last
        if parts[0] != "classifier" and not (parts[0] == "features" and beyond):
            features[name] = value
    return features


def _layers(layout: Layout, *, shapes_only: bool = False) -> tuple[list[nn.Module], list[int]]:
    """Return the layers, and the places of each stage's first convolution."""
    reflects = layout == "adain"
    layers: list[nn.Module] = [nn.Conv2d(3, 3, 1)] if reflects else []
    firsts, before = [], 3
    with torch.device("meta" if shapes_only else torch.get_default_device()):
        for stage, widths in enumerate(WIDTHS):
            if stage:
                layers.append(nn.MaxPool2d(2, ceil_mode=reflects))
            for n, after in enumerate(widths):
                if reflects:
                    layers.append(nn.ReflectionPad2d(1))
                if n == 0:
                    firsts.append(len(layers))
                layers += [nn.Conv2d(before, after, 3, padding=0 if reflects else 1), nn.ReLU()]
                before = after
    return layers, firsts
