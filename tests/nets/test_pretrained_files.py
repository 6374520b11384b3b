"""Whole published files, by their names and shapes, against the translators that start from them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from transmodal import translators
from transmodal.errors import IntegrityError
from transmodal.nets import pretrained
from transmodal.nets.meta import shapes_alone
from transmodal.translators._base import Translator

Shapes = dict[str, tuple[int, ...]]


class Files(Protocol):
    """What the published files hold, by name."""

    r50_vit: Callable[..., Shapes]
    swin: Callable[..., Shapes]
    glh: Callable[..., Shapes]
    convnext: Callable[..., Shapes]
    vgg16: Callable[..., Shapes]


COLOUR = {"target_channels": 3, "perceptual_weight": 0}
PAPERS: dict[str, tuple[str, dict[str, Any], dict[str, Any], str]] = {
    "transunet": ("r50_vit", {}, {}, "widen|ups|head"),
    "transunet without transformer": ("r50_vit", {}, {"depth": 0}, "widen|ups|head"),
    "resvit": ("r50_vit", {}, {}, r"convolutions|paths\.[05]\.(down|up|skip|skip_norm|compress)\."),
    "resvit not shared": (
        "r50_vit", {}, {"shared": False}, r"convolutions|paths\.[05]\.(down|up|skip|skip_norm|compress)\.",
    ),
    "swin_unet": ("swin", {}, {}, "expands|joins|top_norm|to_pixels|head"),
    "swin_unet of 7": ("swin", {}, {"window": 7}, "expands|joins|top_norm|to_pixels|head"),
    "colorformer": ("glh", {}, COLOUR, "(?!encoder)"),
    "colorformer without memory": ("glh", {}, {**COLOUR, "entries": 0}, "(?!encoder)"),
    "colorformer of windows": ("glh", {}, {**COLOUR, "pooled": [0, 0, 0, 0]}, "(?!encoder)"),
    "ddcolor": ("convnext", {"width": 96, "depths": (3, 3, 9, 3)}, COLOUR, r"(?!encoder)|encoder\.norms"),
    "ddcolor large": (
        "convnext", {}, {**COLOUR, "width": 192, "depths": [3, 3, 27, 3]}, r"(?!encoder)|encoder\.norms",
    ),
    "chromagan": ("vgg16", {}, {"target_channels": 3}, "(?!encoder)"),
}  # fmt: skip
"""The file of each translator, its sizes, the translator's settings, and what of its generator begins anew."""


@pytest.fixture
def stands_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Mapping[str, Tensor]], str]:
    """Let a path stand for tensors, which may be on the meta device."""

    def stand(content: Mapping[str, Tensor]) -> str:
        path = tmp_path / "weights.npz"
        path.touch()
        monkeypatch.setattr(pretrained, "read_weights", lambda read: content)
        return str(path)

    return stand


def _built(name: str, settings: Mapping[str, Any], path: str | None) -> Translator[Any]:
    return translators.build(name.split()[0], {**settings, "backbone": path})


@pytest.mark.parametrize("name", list(PAPERS))
def test_the_whole_file_fits_and_all_but_the_decoder_is_filled(
    name: str, files: Files, stands_for: Callable[[Mapping[str, Tensor]], str]
) -> None:
    """At the papers' own sizes; names that are neither taken nor left on purpose would be refused."""
    file, sizes, settings, anew = PAPERS[name]
    with shapes_alone():
        content = {
            one: torch.empty(shape, dtype=torch.int64 if one.endswith("index") else torch.float32)
            for one, shape in getattr(files, file)(**sizes).items()
        }
        built = _built(name, settings, stands_for(content))
    ((setting, weights),) = built.pretrained().items()
    assert setting == "backbone"
    weights.check()
    generator: Any = built.generator
    filled = [tensor.target for tensor in weights._tensors]
    assert len(filled) == len(set(filled))
    empty = [one for one, _ in generator.named_parameters() if one not in filled]
    assert empty
    assert [one for one in empty if not re.match(anew, one)] == []
    assert not any(re.match(anew, one) for one in filled)


@pytest.mark.parametrize("name", ["transunet", "resvit", "swin_unet", "colorformer", "ddcolor", "chromagan"])
def test_without_a_path_it_is_from_scratch(name: str) -> None:
    with shapes_alone():
        built = _built(name, PAPERS[name][2], None)
    assert {one: weights.digest() for one, weights in built.pretrained().items()} == {
        "backbone": "from scratch"
    }


def test_a_generator_without_transformers_starts_from_nothing_published() -> None:
    with shapes_alone():
        assert _built("resvit", {"transformers": False}, "vit.npz").pretrained() == {}


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("transunet", {"depth": 6}, "not known such as Transformer/encoderblock_10"),
        ("transunet", {"blocks": [3, 4, 6]}, "not known such as block3/unit7"),
        ("transunet", {"channels": 384}, "of another shape such as"),
        ("transunet", {"source_channels": [1, 1, 1, 1]}, "1 of another shape such as conv_root/kernel"),
        ("resvit", {"width": 32}, "1 of another shape such as embedding/kernel"),
    ],
)
def test_networks_of_another_size_are_refused_by_name(
    name: str,
    settings: dict[str, Any],
    said: str,
    files: Files,
    stands_for: Callable[[Mapping[str, Tensor]], str],
) -> None:
    with shapes_alone():
        content = {one: torch.empty(shape) for one, shape in files.r50_vit().items()}
        built = _built(name, settings, stands_for(content))
    with pytest.raises(IntegrityError) as found:
        built.pretrained()["backbone"].check()
    assert said in found.value.got


def test_the_residual_network_is_the_published_one(
    files: Files, stands_for: Callable[[Mapping[str, Tensor]], str]
) -> None:
    shapes = files.r50_vit(8, 2, 0, 2, 64, (2, 2, 1))
    p = drawn(shapes)
    small = {"blocks": [2, 2, 1], "depth": 0, "channels": 8, "heads": 2, "side": 2}
    net = _built("transunet", small, stands_for(p))
    net.pretrained()["backbone"].load()
    generator: Any = net.generator
    x = torch.randn(1, 3, 32, 32)
    root = F.conv2d(x, standardised(p["conv_root/kernel"]), stride=2, padding=3)
    half = F.relu(grouped(root, p, "gn_root", 32))
    assert torch.allclose(generator.root(x), half, atol=1e-4)
    made = wanted = half
    for stage, count in enumerate((2, 2, 1), start=1):
        made = generator.stages[stage - 1](made)
        for unit in range(1, count + 1):
            wanted = bottleneck(wanted, p, f"block{stage}/unit{unit}", 2 if stage > 1 and unit == 1 else 1)
        assert torch.allclose(made, wanted, atol=1e-3)


def bottleneck(x: Tensor, p: Mapping[str, Tensor], name: str, stride: int) -> Tensor:
    """Return what a unit of the file makes of a map: group norm after each convolution, none before."""
    y = F.conv2d(x, standardised(p[f"{name}/conv1/kernel"]))
    y = F.conv2d(
        F.relu(grouped(y, p, f"{name}/gn1", 32)), standardised(p[f"{name}/conv2/kernel"]), None, stride, 1
    )
    y = F.conv2d(F.relu(grouped(y, p, f"{name}/gn2", 32)), standardised(p[f"{name}/conv3/kernel"]))
    y = grouped(y, p, f"{name}/gn3", 32)
    if f"{name}/conv_proj/kernel" in p:
        x = F.conv2d(x, standardised(p[f"{name}/conv_proj/kernel"]), stride=stride)
        x = grouped(x, p, f"{name}/gn_proj", x.shape[1])
    return F.relu(x + y)


def standardised(kernel: Tensor) -> Tensor:
    """Return the weights of a convolution, of mean 0 and variance 1, of a kernel (h, w, in, out)."""
    apart = kernel - kernel.mean((0, 1, 2))
    return (apart / (apart.square().mean((0, 1, 2)) + 1e-5).sqrt()).permute(3, 2, 0, 1)


def grouped(x: Tensor, p: Mapping[str, Tensor], name: str, groups: int) -> Tensor:
    """Return group norm with the numbers of the file."""
    parts = x.reshape(x.shape[0], groups, -1)
    parts = (parts - parts.mean(2, keepdim=True)) / (parts.var(2, keepdim=True, correction=0) + 1e-6).sqrt()
    return parts.view_as(x) * p[f"{name}/scale"].view(-1, 1, 1) + p[f"{name}/bias"].view(-1, 1, 1)


def test_vgg_is_the_published_one(files: Files, stands_for: Callable[[Mapping[str, Tensor]], str]) -> None:
    p = drawn({name: shape for name, shape in files.vgg16(2).items() if "classifier" not in name})
    net = _built("chromagan", {"target_channels": 3, "width": 2}, stands_for(p))
    net.pretrained()["backbone"].load()
    generator: Any = net.generator
    x = torch.randn(2, 3, 16, 24)
    made = generator.encoder(x)
    for place in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21):
        x = F.max_pool2d(x, 2) if place in (5, 10, 17) else x
        x = F.relu(F.conv2d(x, p[f"features.{place}.weight"], p[f"features.{place}.bias"], padding=1))
    assert torch.allclose(made, x, atol=1e-5)


def test_swin_unet_begins_its_way_up_with_the_blocks_of_its_way_down(
    files: Files, stands_for: Callable[[Mapping[str, Tensor]], str]
) -> None:
    p = drawn(files.swin(4, (2, 2, 3), (1, 2, 4), 3))
    small = {"width": 4, "depths": [2, 2, 1], "heads": [1, 2, 4], "window": 3}
    net = _built("swin_unet", small, stands_for(p))
    net.pretrained()["backbone"].load()
    generator: Any = net.generator
    assert len(generator.up) == 2
    for n in (0, 1):
        for one, other in zip(generator.up[n].parameters(), generator.down[n].parameters(), strict=True):
            assert torch.equal(one, other)
            assert one is not other
    assert torch.equal(generator.up[1][1].attention.qkv.weight, p["layers.1.blocks.1.attn.qkv.weight"])
    assert torch.equal(generator.bottom_norm.weight, p["norm.weight"])


def test_the_encoder_of_colorformer_chooses_by_the_published_head(
    files: Files, stands_for: Callable[[Mapping[str, Tensor]], str]
) -> None:
    p = drawn(files.glh(4, (2, 1), (1, 2), 3))
    small = {
        **COLOUR, "width": 4, "depths": [2, 1], "heads": [1, 2], "window": 3, "pooled": [2, 1],
        "features": 8, "entries": 4, "adversarial_weight": 0,
    }  # fmt: skip
    net = _built("colorformer", small, stands_for(p))
    net.pretrained()["backbone"].load()
    generator: Any = net.generator
    maps, shares = generator.encoder(torch.randn(2, 3, 24, 24))
    tokens = F.layer_norm(maps[-1].flatten(2).mT, (8,), p["norm_cls.weight"], p["norm_cls.bias"])
    wanted = F.linear(tokens.mean(1), p["head_cls.weight"], p["head_cls.bias"]).softmax(1)
    assert torch.allclose(shares, wanted, atol=1e-5)


def test_both_places_of_resvit_begin_alike_and_transformers_that_are_not_shared_too(
    files: Files, stands_for: Callable[[Mapping[str, Tensor]], str]
) -> None:
    p = drawn(files.r50_vit(8, 2, 1, 3, 4, (1, 1, 1)))
    small = {"width": 4, "depth": 1, "channels": 8, "heads": 2, "side": 2, "shared": False, "blocks": 6}
    net = _built("resvit", small, stands_for(p))
    generator: Any = net.generator
    before = [one.clone() for one in generator.convolutions.parameters()]
    net.pretrained()["backbone"].load()
    first, second = generator.transformers
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
    for part in ("embed", "positions"):
        one, other = (getattr(generator.paths[place], part) for place in ("0", "5"))
        assert all(torch.equal(*pair) for pair in zip(one.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(*pair) for pair in zip(before, generator.convolutions.parameters(), strict=True))


def drawn(shapes: Shapes) -> dict[str, Tensor]:
    """Return tensors of these shapes; whole numbers where the file has an index."""
    torch.manual_seed(0)
    return {
        name: torch.zeros(shape, dtype=torch.int64) if name.endswith("index") else 0.3 * torch.randn(shape)
        for name, shape in shapes.items()
    }
