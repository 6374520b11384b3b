"""Inception v3 as FID knows it: layers stated apart, and the file that it takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from transmodal.errors import IntegrityError, UsageError
from transmodal.evaluation.learned._inception import Inception, pretrained_inception, renamed

F = nn.functional


@pytest.fixture(scope="module")
def file() -> dict[str, Tensor]:
    """Random weights in the layout of the published file, whose classifier has 1008 classes."""
    torch.manual_seed(5)
    made = Inception().state_dict()
    for name, tensor in made.items():
        if name.endswith((".running_mean", ".bias")):
            made[name] = torch.randn_like(tensor) / 10
        elif name.endswith((".running_var", "bn.weight")):
            made[name] = torch.rand_like(tensor) + 0.5
    kept = {name: one for name, one in made.items() if not name.endswith("num_batches_tracked")}
    return kept | {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}


def plainly(file: dict[str, Tensor], images: Tensor) -> Tensor:
    """Return the features, block by block as the published port has them, stated without the module."""

    def unit(x: Tensor, name: str, stride: int = 1, padding: int | tuple[int, int] = 0) -> Tensor:
        x = F.conv2d(x, file[f"{name}.conv.weight"], None, stride, padding)
        mean, var, weight, bias = (
            file[f"{name}.bn.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, var, weight, bias, training=False, eps=0.001).clamp(min=0)

    def block(prefix: str) -> Callable[..., Tensor]:
        return lambda x, name, *how: unit(x, f"{prefix}.{name}", *how)

    def mean(x: Tensor) -> Tensor:
        # An average without the padding: the sum over the window by the number of its pixels in the image.
        ones = torch.ones_like(x[:1, :1])
        return 9 * F.avg_pool2d(x, 3, 1, 1) / (9 * F.avg_pool2d(ones, 3, 1, 1))

    x = F.interpolate(images, size=(299, 299), mode="bilinear", align_corners=False) * 2 - 1
    x = unit(unit(unit(x, "Conv2d_1a_3x3", 2), "Conv2d_2a_3x3"), "Conv2d_2b_3x3", 1, 1)
    x = unit(unit(F.max_pool2d(x, 3, 2), "Conv2d_3b_1x1"), "Conv2d_4a_3x3")
    x = F.max_pool2d(x, 3, 2)
    for name in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
        of = block(name)
        five = of(of(x, "branch5x5_1"), "branch5x5_2", 1, 2)
        three = of(of(of(x, "branch3x3dbl_1"), "branch3x3dbl_2", 1, 1), "branch3x3dbl_3", 1, 1)
        x = torch.cat([of(x, "branch1x1"), five, three, of(mean(x), "branch_pool")], 1)
    of = block("Mixed_6a")
    three = of(of(of(x, "branch3x3dbl_1"), "branch3x3dbl_2", 1, 1), "branch3x3dbl_3", 2)
    x = torch.cat([of(x, "branch3x3", 2), three, F.max_pool2d(x, 3, 2)], 1)
    for name in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
        of = block(name)
        seven = of(of(of(x, "branch7x7_1"), "branch7x7_2", 1, (0, 3)), "branch7x7_3", 1, (3, 0))
        long = of(of(of(x, "branch7x7dbl_1"), "branch7x7dbl_2", 1, (3, 0)), "branch7x7dbl_3", 1, (0, 3))
        long = of(of(long, "branch7x7dbl_4", 1, (3, 0)), "branch7x7dbl_5", 1, (0, 3))
        x = torch.cat([of(x, "branch1x1"), seven, long, of(mean(x), "branch_pool")], 1)
    of = block("Mixed_7a")
    seven = of(of(of(x, "branch7x7x3_1"), "branch7x7x3_2", 1, (0, 3)), "branch7x7x3_3", 1, (3, 0))
    x = torch.cat(
        [of(of(x, "branch3x3_1"), "branch3x3_2", 2), of(seven, "branch7x7x3_4", 2), F.max_pool2d(x, 3, 2)], 1
    )
    for name in ("Mixed_7b", "Mixed_7c"):
        of = block(name)
        three = of(x, "branch3x3_1")
        double = of(of(x, "branch3x3dbl_1"), "branch3x3dbl_2", 1, 1)
        sides = [
            of(three, "branch3x3_2a", 1, (0, 1)), of(three, "branch3x3_2b", 1, (1, 0)),
            of(double, "branch3x3dbl_3a", 1, (0, 1)), of(double, "branch3x3dbl_3b", 1, (1, 0)),
        ]  # fmt: skip
        pooled = mean(x) if name == "Mixed_7b" else F.max_pool2d(x, 3, 1, 1)
        x = torch.cat([of(x, "branch1x1"), *sides, of(pooled, "branch_pool")], 1)
    return x.mean(dim=(2, 3))


def test_the_features_are_those_of_the_published_layers(file: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "inception.pth"
    torch.save(file, path)
    torch.manual_seed(2)
    images = torch.rand(1, 3, 33, 41)
    net = pretrained_inception(str(path))
    ours = net(images)
    assert ours.shape == (1, 2048)
    theirs = plainly(file, images)
    assert torch.allclose(ours, theirs, rtol=1e-3, atol=1e-4 * float(theirs.abs().max()))
    assert not net.digest().startswith("random")


def test_it_is_as_large_as_published() -> None:
    # torchvision's has 27 161 264: this, a classifier of 1000 classes and an auxiliary one of 3 326 696.
    assert pretrained_inception(None).count() == 27_161_264 - 2049 * 1000 - 3_326_696
    assert pretrained_inception(None).count() == 21_785_568


def test_torchvisions_weights_are_not_fids(file: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "torchvision.pth"
    torch.save({**file, "AuxLogits.conv0.conv.weight": torch.zeros(128, 768, 1, 1)}, path)
    with pytest.raises(IntegrityError, match="AuxLogits") as refused:
        pretrained_inception(str(path)).digest()
    assert refused.value.code == "E502"


def test_the_number_of_batches_may_be_in_the_file_or_not(file: dict[str, Tensor]) -> None:
    counted = {**file, "Conv2d_1a_3x3.bn.num_batches_tracked": torch.tensor(7)}
    assert set(renamed(file)) == set(renamed(counted)) == set(Inception().state_dict())


def test_without_weights_the_message_says_which_file() -> None:
    with pytest.raises(UsageError) as refused:
        pretrained_inception(None).check()
    assert "pt_inception-2015-12-05-6726825d.pth of https://github.com/mseitzer" in refused.value.remedy
    assert "--weights inception=FILE" in refused.value.remedy
