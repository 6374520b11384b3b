"""ConvNeXt and VGG-16, as their authors and torchvision publish them."""

from __future__ import annotations

from collections.abc import Sequence

from transmodal.nets.pretrained import TensorMap, WeightFile
from transmodal.nets.weight_maps._parts import WeightMap, weight_and_bias

VGG16 = WeightFile("vgg16-397923af.pth", "https://download.pytorch.org/models", "BSD-3-Clause")

_CONVNEXT_SIZES: dict[tuple[int, tuple[int, ...]], str] = {
    (96, (3, 3, 9, 3)): "tiny",
    (96, (3, 3, 27, 3)): "small",
    (128, (3, 3, 27, 3)): "base",
    (192, (3, 3, 27, 3)): "large",
}


def convnext_file(width: int, depths: Sequence[int]) -> WeightFile:
    """Return the file of ConvNeXt trained on ImageNet-22k that has this size; the tiny one's where none has."""
    size = _CONVNEXT_SIZES.get((width, tuple(depths)), "tiny")
    return WeightFile(f"convnext_{size}_22k_224.pth", "https://dl.fbaipublicfiles.com/convnext", "MIT")


def convnext(prefix: str, depths: Sequence[int]) -> WeightMap:
    """Return ConvNeXt for `translators.ddcolor.convnext.ConvNeXt`; the norms of its four maps are not in the file and stay new."""
    tensors = []
    for n, depth in enumerate(depths):
        for part in (0, 1):
            tensors += weight_and_bias(f"{prefix}shrink.{n}.{part}.", f"downsample_layers.{n}.{part}.")
        for block in range(depth):
            target, source = f"{prefix}stages.{n}.{block}.", f"stages.{n}.{block}."
            tensors += [
                TensorMap(f"{target}gamma", (f"{source}gamma",)),
                *weight_and_bias(f"{target}depthwise.", f"{source}dwconv."),
                *weight_and_bias(f"{target}norm.", f"{source}norm."),
                *weight_and_bias(f"{target}perceptron.0.", f"{source}pwconv1."),
                *weight_and_bias(f"{target}perceptron.2.", f"{source}pwconv2."),
            ]
    return WeightMap(tensors, (r"norm\..*", r"head\..*"))


def vgg16(prefix: str) -> WeightMap:
    """Return VGG-16 up to the fourth stage's last convolution, for the same layers in one sequence."""
    places = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21)
    tensors = [tensor for n in places for tensor in weight_and_bias(f"{prefix}{n}.", f"features.{n}.")]
    return WeightMap(tensors, (r"features\.(24|26|28)\..*", r"classifier\..*"))
