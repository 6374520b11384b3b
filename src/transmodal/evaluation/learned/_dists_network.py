"""DISTS, structure and texture of images in the features of a network; Ding, Ma, Wang and Simoncelli, 2020.

"Image quality assessment: unifying structure and texture similarity", arXiv 2004.07728, IEEE TPAMI 44(5), 2022.
The network is VGG-16 (Simonyan and Zisserman, ICLR 2015) under torchvision's names, whose poolings are replaced by
L2 pooling; each channel of the image and of five features has two weights that the authors learned, alpha for
texture and beta for structure. No weights come with this package: both files are given by path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from transmodal.evaluation.learned._lpips_network import LAYOUTS
from transmodal.nets.frozen import FrozenNet

SETTING = "dists"
"""Name under which the weights of VGG-16 are given."""
SETTING_OF_CHANNELS = "dists_weights"
"""Name under which alpha and beta are given."""
PUBLISHED = "weights.pt of https://github.com/dingkeyan93/DISTS or of the wheel of DISTS-pytorch"
LEAST_SIDE = 16
"""Shortest side of an image: the last feature then has one pixel."""
CHANNELS = (3, *LAYOUTS["vgg"].channels)
"""Of the image and of the five features."""
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_WINDOW = (0.5, 1.0, 0.5)  # a Hann window of five taps, whose outer ones are 0
_EPS = 1e-12
_STABILISER = 1e-6  # c1 and c2 of the paper


class L2Pooling(nn.Module):
    """Halves the sides by a root of windowed means of squares, which no pixel slips through as in a maximum.

    The window is Hann's, of three taps per axis.
    """

    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        taps = torch.tensor(_WINDOW)
        taps /= taps.sum()
        self.register_buffer("window", torch.outer(taps, taps)[None, None], persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Pool `(B, C, H, W)` to `(B, C, ceil(H / 2), ceil(W / 2))`."""
        return (self.means(features.square()) + _EPS).sqrt()

    def means(self, values: Tensor) -> Tensor:
        """Return windowed means of `(B, C, H, W)` at every other pixel; empty beyond the border."""
        channels = values.shape[1]
        window = self.window.expand(channels, -1, -1, -1)
        return nn.functional.conv2d(values, window, stride=2, padding=1, groups=channels)


class TextureNetwork(nn.Module):
    """The convolutions of VGG-16 with L2 pooling; its features are those behind five ReLUs."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        layout = LAYOUTS["vgg"]
        layers: list[nn.Module] = []
        self._taps, before = [], 3
        for n, (after, kernel, stride, padding) in enumerate(layout.widths):
            if n in layout.pooled_before:
                layers.append(L2Pooling())
            convolution = nn.Conv2d(before, after, kernel, stride, padding)
            # Random weights begin so: features neither vanish nor grow with depth.
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            layers += [convolution, nn.ReLU()]
            if n in layout.taps:
                self._taps.append(len(layers) - 1)
            before = after
        self.features = nn.Sequential(*layers)
        self.register_buffer("mean", torch.tensor(_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the images and five features `(B, C_n, h_n, w_n)`.

        Args:
            images: `(B, 3, H, W)` in [0, 1].
        """
        x, features = (images - self.mean) / self.deviation, [images]
        for n, layer in enumerate(self.features):
            x = layer(x)
            if n in self._taps:
                features.append(x)
        return features


class ChannelWeights(nn.Module):
    """Alpha and beta of every channel, of the image first."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.normal(0.1, 0.01, (1, sum(CHANNELS), 1, 1)))
        self.beta = nn.Parameter(torch.normal(0.1, 0.01, (1, sum(CHANNELS), 1, 1)))

    def forward(self, texture: Tensor, structure: Tensor) -> Tensor:
        """Return the distance `(B,)` of similarities `(B, 1475)`, exactly 0 where all of them are 1."""
        alpha, beta = self.alpha.flatten(), self.beta.flatten()
        lost: Tensor = (1 - texture) @ alpha + (1 - structure) @ beta
        return lost / (alpha.sum() + beta.sum())


class DistsNetworks(NamedTuple):
    """VGG-16, and the weights of its channels."""

    features: FrozenNet
    channels: FrozenNet


def pretrained(features: str | None, channels: str | None) -> DistsNetworks:
    """Return both networks with the weights of two files.

    Args:
        features: path of torchvision's file of VGG-16; `random` for seeded random weights.
        channels: path of the authors' file of alpha and beta; `random` likewise.
    """
    return DistsNetworks(
        FrozenNet(
            TextureNetwork,
            features,
            f"Download {LAYOUTS['vgg'].published} and give --weights {SETTING}=FILE; random shows the plumbing only.",
            _convolutions,
        ),
        FrozenNet(
            ChannelWeights,
            channels,
            f"Download {PUBLISHED} and give --weights {SETTING_OF_CHANNELS}=FILE.",
        ),
    )


def distances(
    networks: DistsNetworks, reference: Tensor, synthetic: Tensor, within: Tensor | None = None
) -> Tensor:
    """Return DISTS of every pair of images, `(B,)`.

    Args:
        networks: of `pretrained`.
        reference: `(B, 3, H, W)` in [0, 1].
        synthetic: of the same shape.
        within: bool `(B, H, W)`: means, variances and covariances are taken over these pixels, and over what the
            windows of the poolings make of them in smaller features; None takes every pixel, as published. Any
            number comes out where an image has no such pixel.
    """
    of_reference, of_synthetic = networks.features(reference), networks.features(synthetic)
    shares = _shares(within, of_reference)
    similarities = [_compare(*pair) for pair in zip(of_reference, of_synthetic, shares, strict=True)]
    texture, structure = (torch.cat(parts, dim=1) for parts in zip(*similarities, strict=True))
    distance: Tensor = networks.channels(texture, structure)
    return distance


def _shares(within: Tensor | None, features: Sequence[Tensor]) -> list[Tensor]:
    """Return each feature's pixels as shares of all that count, `(B, 1, h, w)` with sum 1."""
    if within is None:
        return [torch.full_like(part[:1, :1], 1 / part[0, 0].numel()) for part in features]
    pool, counts = L2Pooling().to(within.device), within.unsqueeze(1).to(features[0].dtype)
    shares = []
    for part in features:
        if part.shape[2:] != counts.shape[2:]:
            counts = pool.means(counts)
        shares.append(counts / counts.sum(dim=(2, 3), keepdim=True).clamp(min=_EPS))
    return shares


def _compare(x: Tensor, y: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """Return the similarities of texture and of structure, `(B, C)` each."""
    mean_x, mean_y = (_mean(part, shares) for part in (x, y))
    off_x, off_y = x - mean_x[..., None, None], y - mean_y[..., None, None]
    spread = _mean(off_x.square(), shares) + _mean(off_y.square(), shares)
    texture = (2 * mean_x * mean_y + _STABILISER) / (mean_x.square() + mean_y.square() + _STABILISER)
    structure = (2 * _mean(off_x * off_y, shares) + _STABILISER) / (spread + _STABILISER)
    return texture, structure


def _mean(values: Tensor, shares: Tensor) -> Tensor:
    return (values * shares).sum(dim=(2, 3))


def _convolutions(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in weights.items() if not name.startswith("classifier.")}
