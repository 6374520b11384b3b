"""Generators of the pix2pix and CycleGAN family, `latest_net_G.pth`: what a file's names say, and where each tensor goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from transmodal.nets.pretrained import TensorMap, WeightFile
from transmodal.nets.weight_maps._parts import WeightMap

FILE = WeightFile(
    "latest_net_G.pth", "https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix", "as its trainer says"
)
_BLOCKS_FROM = 10
"""Place of the first residual block in the family's sequence."""
_SENTINELS = ("model.model.0.weight", "model.1.weight")
_COUNTS = (r".*\.num_batches_tracked",)
_STATISTICS = (r".*\.running_(mean|var)",)
"""Statistics of instance normalisation in files of before it lost them; nothing reads them."""


class PublishedGenerator(NamedTuple):
    """A generator as the names and shapes of its file tell it.

    Attributes:
        kind: `unet` (unet_128, unet_256) or `resnet` (resnet_6blocks, resnet_9blocks).
        in_channels: of the image that it takes.
        out_channels: of the image that it gives.
        width: channels of its first stage.
        depth: times that a U-Net halves the sides, or residual blocks.
        norm: of its stages.
        has_dropout: whether residual blocks have a layer of dropout, which moves the names behind it.
    """

    kind: Literal["unet", "resnet"]
    in_channels: int
    out_channels: int
    width: int
    depth: int
    norm: Literal["batch", "instance"]
    has_dropout: bool = False


def recognise(content: Mapping[str, Tensor]) -> PublishedGenerator | None:
    """Return the generator of a file; None for a file of another family."""
    if _SENTINELS[0] in content:
        return _unet_of(content)
    return _resnet_of(content) if _SENTINELS[1] in content else None


def weight_map(generator: PublishedGenerator, *, is_grey_source: bool, is_grey_target: bool) -> WeightMap:
    """Return how the tensors of a file make `pix2pix.UNetGenerator` or `nets.resnet.ResNetGenerator`.

    Args:
        generator: of the file.
        is_grey_source: one channel is taken where the file's network takes three equal ones: its weights are summed.
        is_grey_target: one channel is given where the file's network gives three: the first.
    """
    tensors = _unet(generator) if generator.kind == "unet" else _resnet(generator)
    first = "down.0.conv.weight" if generator.kind == "unet" else "stem.1.weight"
    adapted = [
        _then(tensor, _summed) if is_grey_source and tensor.target == first else tensor for tensor in tensors
    ]
    if is_grey_target:
        axis = 1 if generator.kind == "unet" else 0
        head = "head" if generator.kind == "unet" else "head.1"
        firsts = {f"{head}.weight": axis, f"{head}.bias": 0}
        adapted = [
            _then(tensor, partial(_first, firsts[tensor.target])) if tensor.target in firsts else tensor
            for tensor in adapted
        ]
    return WeightMap(adapted, _COUNTS if generator.norm == "batch" else (*_COUNTS, *_STATISTICS))


def _unet_of(content: Mapping[str, Tensor]) -> PublishedGenerator | None:
    depth = 1
    while f"{_block(depth)}1.weight" in content:
        depth += 1
    head = content.get("model.model.3.weight")
    first = content[_SENTINELS[0]]
    if depth < 2 or head is None or first.ndim != 4 or head.ndim != 4:
        return None
    norm: Literal["batch", "instance"] = "batch" if f"{_block(depth - 1)}4.weight" in content else "instance"
    return PublishedGenerator("unet", first.shape[1], head.shape[1], first.shape[0], depth, norm)


def _resnet_of(content: Mapping[str, Tensor]) -> PublishedGenerator | None:
    blocks = 0
    while f"model.{_BLOCKS_FROM + blocks}.conv_block.1.weight" in content:
        blocks += 1
    head = content.get(f"model.{_BLOCKS_FROM + blocks + 7}.weight")
    first = content[_SENTINELS[1]]
    # Variants that enlarge by interpolation have another layer at the head's place.
    if not blocks or head is None or first.shape[2:] != (7, 7) or head.shape[2:] != (7, 7):
        return None
    has_dropout = f"model.{_BLOCKS_FROM}.conv_block.6.weight" in content and not _is_norm(content)
    norm: Literal["batch", "instance"] = "batch" if "model.2.weight" in content else "instance"
    return PublishedGenerator(
        "resnet", first.shape[1], head.shape[0], first.shape[0], blocks, norm, has_dropout
    )


def _is_norm(content: Mapping[str, Tensor]) -> bool:
    """Tell whether the sixth layer of a block is a normalisation and not a convolution."""
    return content[f"model.{_BLOCKS_FROM}.conv_block.6.weight"].ndim == 1


def _block(level: int) -> str:
    """Return the prefix of a level of the nested U-Net; 0 is the outermost."""
    return "model.model." if level == 0 else f"model.model.1.model.{'3.model.' * (level - 1)}"


def _unet(generator: PublishedGenerator) -> list[TensorMap]:
    depth, has_bias, norm = generator.depth, generator.norm == "instance", generator.norm
    tensors = _layer("down.0.conv", "model.model.0", has_bias=has_bias)
    for level in range(1, depth):
        block, up, innermost = _block(level), f"up.{depth - 1 - level}", level == depth - 1
        tensors += _layer(f"down.{level}.conv", f"{block}1", has_bias=has_bias)
        places = (3, 4) if innermost else (5, 6)
        upwards = _layer(f"{up}.conv", f"{block}{places[0]}", has_bias=has_bias)
        # The family joins what was skipped before what comes from below, and here it is the other way round.
        tensors += upwards if innermost else [_then(upwards[0], _swapped), *upwards[1:]]
        tensors += _norm(f"{up}.norm", f"{block}{places[1]}", norm)
        if not innermost:
            tensors += _norm(f"down.{level}.norm", f"{block}2", norm)
    weight, bias = _layer("head", "model.model.3", has_bias=True)
    return [*tensors, _then(weight, _swapped), bias]


def _resnet(generator: PublishedGenerator) -> list[TensorMap]:
    has_bias, blocks = generator.norm == "instance", generator.depth
    second = 6 if generator.has_dropout else 5
    behind = _BLOCKS_FROM + blocks
    layers = {"stem.1": "model.1", "down.0.0": "model.4", "down.1.0": "model.7"}
    for n in range(blocks):
        layers[f"blocks.{n}.layers.1"] = f"model.{_BLOCKS_FROM + n}.conv_block.1"
        layers[f"blocks.{n}.layers.5"] = f"model.{_BLOCKS_FROM + n}.conv_block.{second}"
    layers |= {"up.0.0": f"model.{behind}", "up.1.0": f"model.{behind + 3}"}
    tensors = [
        tensor for target, source in layers.items() for tensor in _layer(target, source, has_bias=has_bias)
    ]
    return [*tensors, *_layer("head.1", f"model.{behind + 7}", has_bias=True)]


def _layer(target: str, source: str, *, has_bias: bool) -> list[TensorMap]:
    parts = ("weight", "bias") if has_bias else ("weight",)
    return [TensorMap(f"{target}.{part}", (f"{source}.{part}",)) for part in parts]


def _norm(target: str, source: str, norm: str) -> list[TensorMap]:
    parts = ("weight", "bias", "running_mean", "running_var") if norm == "batch" else ()
    return [TensorMap(f"{target}.{part}", (f"{source}.{part}",)) for part in parts]


def _then(tensor_map: TensorMap, second: Callable[[Tensor], Tensor]) -> TensorMap:
    """Return a tensor that is converted once more."""
    before = tensor_map.convert
    return tensor_map._replace(convert=lambda *sources: second(before(*sources)))


def _first(axis: int, tensor: Tensor) -> Tensor:
    """Return the first channel along an axis."""
    return tensor.narrow(axis, 0, 1)


def _swapped(weight: Tensor) -> Tensor:
    """Return a transposed convolution whose two halves of incoming channels have changed places."""
    half = weight.shape[0] // 2
    return torch.cat([weight[half:], weight[:half]])


def _summed(weight: Tensor) -> Tensor:
    """Return a convolution of one channel that gives what three equal ones gave."""
    return weight.sum(dim=1, keepdim=True)
