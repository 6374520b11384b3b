"""LPIPS, a distance of images in the features of a network; Zhang et al., CVPR 2018, version 0.1.

The backbones are AlexNet (Krizhevsky 2014) and VGG-16 (Simonyan and Zisserman, ICLR 2015) under torchvision's
names, the heads are the five linear layers that the authors learned from people's judgements. No weights come
with this package: both files are given by path.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from transmodal.nets.frozen import FrozenNet

Name = Literal["alex", "vgg"]


class BackboneLayout(NamedTuple):
    """A backbone.

    Attributes:
        widths: channels, kernel, stride and padding of each convolution.
        pooled_before: convolutions that a pooling stands before.
        pool: side and stride of the pooling.
        taps: convolutions whose ReLU gives features.
        least_side: shortest side of an image that has all features.
        published: where the backbone's file is.
    """

    widths: tuple[tuple[int, int, int, int], ...]
    pooled_before: tuple[int, ...]
    pool: tuple[int, int]
    taps: tuple[int, ...]
    least_side: int
    published: str

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the features."""
        return tuple(self.widths[n][0] for n in self.taps)


LAYOUTS: Mapping[Name, BackboneLayout] = {
    "alex": BackboneLayout(
        ((64, 11, 4, 2), (192, 5, 1, 2), (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1)),
        (1, 2),
        (3, 2),
        (0, 1, 2, 3, 4),
        31,
        "alexnet-owt-7be5be79.pth of https://download.pytorch.org/models",
    ),
    "vgg": BackboneLayout(
        tuple((width, 3, 1, 1) for width in (64, 64, 128, 128, *[256] * 3, *[512] * 6)),
        (2, 4, 7, 10),
        (2, 2),
        (1, 3, 6, 9, 12),
        16,
        "vgg16-397923af.pth of https://download.pytorch.org/models",
    ),
}
HEADS = "https://github.com/richzhang/PerceptualSimilarity/tree/master/lpips/weights/v0.1"
SETTINGS: Mapping[Name, str] = {"alex": "lpips", "vgg": "lpips_vgg"}
"""Names under which weights are given: this for the backbone, with `_heads` for the heads."""
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_EPS = 1e-10


class Backbone(nn.Module):
    """The convolutions of a backbone; its features are those behind five ReLUs.

    Args:
        name: `alex` or `vgg`.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, name: Name) -> None:
        super().__init__()
        layout = LAYOUTS[name]
        layers: list[nn.Module] = []
        self._taps, before = [], 3
        for n, (after, kernel, stride, padding) in enumerate(layout.widths):
            if n in layout.pooled_before:
                layers.append(nn.MaxPool2d(*layout.pool))
            layers += [nn.Conv2d(before, after, kernel, stride, padding), nn.ReLU()]
            if n in layout.taps:
                self._taps.append(len(layers) - 1)
            before = after
        self.features = nn.Sequential(*layers)
        self.register_buffer("shift", torch.tensor(_SHIFT).view(3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(_SCALE).view(3, 1, 1), persistent=False)
        for part in self.features:
            if isinstance(part, nn.Conv2d):
                # Random weights begin so: features neither vanish nor grow with depth.
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu")

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return five features, each of length 1 along its channels.

        Args:
            images: `(B, 3, H, W)` in [-1, 1].
        """
        x, features = (images - self.shift) / self.scale, []
        for n, layer in enumerate(self.features):
            x = layer(x)
            if n in self._taps:
                features.append(x / (x.square().sum(dim=1, keepdim=True).sqrt() + _EPS))
        return features


class Heads(nn.Module):
    """One weight per channel of each feature, none below 0.

    Args:
        name: of the backbone.
    """

    def __init__(self, name: Name) -> None:
        super().__init__()
        for n, channels in enumerate(LAYOUTS[name].channels):
            # The published names; place 0 is a dropout, which does nothing here.
            layer = nn.Conv2d(channels, 1, 1, bias=False)
            nn.init.uniform_(layer.weight, 0, 1)
            self.add_module(f"lin{n}", nn.ModuleDict({"model": nn.ModuleDict({"1": layer})}))

    def forward(self, *squares: Tensor) -> list[Tensor]:
        """Weigh the squared differences of the features: five maps `(B, 1, h, w)`."""
        weights = self.state_dict(keep_vars=True)
        return [nn.functional.conv2d(x, weights[f"lin{n}.model.1.weight"]) for n, x in enumerate(squares)]


def pretrained(name: Name, backbone: str | None, heads: str | None) -> tuple[FrozenNet, FrozenNet]:
    """Return a backbone and its heads with the weights of two files.

    Args:
        name: `alex` or `vgg`.
        backbone: path of torchvision's file; `random` for seeded random weights.
        heads: path of the file of the authors; `random` likewise.
    """
    layout, called = LAYOUTS[name], SETTINGS[name]
    return (
        FrozenNet(
            lambda: Backbone(name),
            backbone,
            f"Download {layout.published} and give --weights {called}=FILE; random shows the plumbing only.",
            _features,
        ),
        FrozenNet(
            lambda: Heads(name),
            heads,
            f"Download {name}.pth of {HEADS} and give --weights {called}_heads=FILE.",
        ),
    )


def distances(nets: tuple[FrozenNet, FrozenNet], reference: Tensor, synthetic: Tensor) -> list[Tensor]:
    """Return the five maps whose means add up to LPIPS, `(B, 1, h, w)` each.

    Args:
        nets: backbone and heads.
        reference: `(B, 3, H, W)` in [-1, 1].
        synthetic: of the same shape.
    """
    backbone, heads = nets
    features = zip(backbone(reference), backbone(synthetic), strict=True)
    maps: list[Tensor] = heads(*((a - b).square() for a, b in features))
    return maps


def _features(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in weights.items() if not name.startswith("classifier.")}
