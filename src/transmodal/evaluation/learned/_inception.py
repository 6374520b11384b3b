"""Inception v3 as the Frechet Inception distance knows it: 2048 features of an image.

Szegedy et al., CVPR 2016, for the architecture; Heusel et al., NeurIPS 2017, for the distance. FID is defined by the
weights of the TensorFlow release of 2015-12-05, which differ from torchvision's in the poolings inside the blocks:
averages leave the padding out, and the last block takes maxima. The names of the tensors are those of the port of
pytorch-fid. No weights come with this package.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from transmodal.nets.frozen import FrozenNet

FEATURES = 2048
SIDE = 299
"""Images are resized to it."""
PUBLISHED = (
    "pt_inception-2015-12-05-6726825d.pth of https://github.com/mseitzer/pytorch-fid/releases/tag/fid_weights"
)
Pool = Literal["mean", "max", "halve"]


class Convolution(NamedTuple):
    """One convolution: its name, channels, kernel and stride; those without a stride keep the size."""

    name: str
    width: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1


Branch = Sequence[Convolution | tuple[Convolution, Convolution]]
"""Convolutions one behind the other; a pair stands side by side."""


class Inception(nn.Module):
    """The network up to its last pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Unit(3, Convolution("", 32, (3, 3), 2))
        self.Conv2d_2a_3x3 = Unit(32, Convolution("", 32, (3, 3)), padding=(0, 0))
        self.Conv2d_2b_3x3 = Unit(32, Convolution("", 64, (3, 3)))
        self.Conv2d_3b_1x1 = Unit(64, Convolution("", 80))
        self.Conv2d_4a_3x3 = Unit(80, Convolution("", 192, (3, 3)), padding=(0, 0))
        self.pool = nn.MaxPool2d(3, 2)
        before = 192
        self._blocks = []
        for name, (branches, pool) in _BLOCKS.items():
            block = Mixed(before, branches, pool)
            self.add_module(f"Mixed_{name}", block)
            self._blocks.append(f"Mixed_{name}")
            before = block.width

    def forward(self, images: Tensor) -> Tensor:
        """Return the features `(B, 2048)`.

        Args:
            images: `(B, 3, H, W)` in [0, 1], of any size.
        """
        x = nn.functional.interpolate(images, (SIDE, SIDE), mode="bilinear", align_corners=False)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(2 * x - 1)))
        x = self.pool(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(self.pool(x))))
        for name in self._blocks:
            x = self.get_submodule(name)(x)
        features: Tensor = x.mean(dim=(2, 3))
        return features


class Unit(nn.Module):
    """A convolution, normalised by the statistics of training, and a ReLU.

    Args:
        before: channels.
        step: the convolution.
        padding: None keeps the size where there is no stride.
    """

    def __init__(self, before: int, step: Convolution, padding: tuple[int, int] | None = None) -> None:
        super().__init__()
        if padding is None:
            high, wide = step.kernel
            padding = (high // 2, wide // 2) if step.stride == 1 else (0, 0)
        self.conv = nn.Conv2d(before, step.width, step.kernel, step.stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(step.width, eps=0.001)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return `(B, width, H', W')`."""
        return torch.relu(self.bn(self.conv(x)))


class Mixed(nn.Module):
    """Branches of convolutions beside a pooling, joined along the channels.

    Args:
        before: channels.
        branches: the last one follows the pooling; it may be empty.
        pool: `mean` and `max` of 3 x 3, or `halve`, the maximum at every other pixel.
    """

    def __init__(self, before: int, branches: Sequence[Branch], pool: Pool) -> None:
        super().__init__()
        self._branches, self._pool, self.width = branches, pool, 0
        for branch in branches:
            width = before
            for step in branch:
                sides = _sides(step)
                for side in sides:
                    self.add_module(side.name, Unit(width, side))
                width = sum(side.width for side in sides)
            self.width += width

    def forward(self, x: Tensor) -> Tensor:
        """Return `(B, width, H', W')`."""
        starts = [x] * (len(self._branches) - 1) + [self._pooled(x)]
        return torch.cat(
            [self._through(y, branch) for y, branch in zip(starts, self._branches, strict=True)], dim=1
        )

    def _through(self, x: Tensor, branch: Branch) -> Tensor:
        for step in branch:
            x = torch.cat([self.get_submodule(side.name)(x) for side in _sides(step)], dim=1)
        return x

    def _pooled(self, x: Tensor) -> Tensor:
        if self._pool == "mean":
            return nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        if self._pool == "max":
            return nn.functional.max_pool2d(x, 3, 1, 1)
        return nn.functional.max_pool2d(x, 3, 2)


def pretrained_inception(path: str | None) -> FrozenNet:
    """Return the network with the weights of a file.

    Args:
        path: of pytorch-fid's file; `random` for seeded random weights.
    """
    remedy = f"Download {PUBLISHED} and give --weights inception=FILE; random shows the plumbing only."
    return FrozenNet(Inception, path, remedy, renamed)


def renamed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a file's tensors without the classifier; the number of training batches, which nothing uses, is 0."""
    tensors = {name: tensor for name, tensor in weights.items() if not name.startswith("fc.")}
    means = [name for name in tensors if name.endswith(".running_mean")]
    return tensors | {
        f"{name.removesuffix('running_mean')}num_batches_tracked": torch.tensor(0) for name in means
    }


def _sides(step: Convolution | tuple[Convolution, Convolution]) -> tuple[Convolution, ...]:
    return (step,) if isinstance(step, Convolution) else step


def _five(pooled: int) -> tuple[Sequence[Branch], Pool]:
    return (
        (
            (Convolution("branch1x1", 64),),
            (Convolution("branch5x5_1", 48), Convolution("branch5x5_2", 64, (5, 5))),
            (
                Convolution("branch3x3dbl_1", 64),
                Convolution("branch3x3dbl_2", 96, (3, 3)),
                Convolution("branch3x3dbl_3", 96, (3, 3)),
            ),
            (Convolution("branch_pool", pooled),),
        ),
        "mean",
    )


def _seven(inner: int) -> tuple[Sequence[Branch], Pool]:
    return (
        (
            (Convolution("branch1x1", 192),),
            (
                Convolution("branch7x7_1", inner),
                Convolution("branch7x7_2", inner, (1, 7)),
                Convolution("branch7x7_3", 192, (7, 1)),
            ),
            (
                Convolution("branch7x7dbl_1", inner),
                Convolution("branch7x7dbl_2", inner, (7, 1)),
                Convolution("branch7x7dbl_3", inner, (1, 7)),
                Convolution("branch7x7dbl_4", inner, (7, 1)),
                Convolution("branch7x7dbl_5", 192, (1, 7)),
            ),
            (Convolution("branch_pool", 192),),
        ),
        "mean",
    )


def _wide(pool: Pool) -> tuple[Sequence[Branch], Pool]:
    return (
        (
            (Convolution("branch1x1", 320),),
            (
                Convolution("branch3x3_1", 384),
                (Convolution("branch3x3_2a", 384, (1, 3)), Convolution("branch3x3_2b", 384, (3, 1))),
            ),
            (
                Convolution("branch3x3dbl_1", 448),
                Convolution("branch3x3dbl_2", 384, (3, 3)),
                (Convolution("branch3x3dbl_3a", 384, (1, 3)), Convolution("branch3x3dbl_3b", 384, (3, 1))),
            ),
            (Convolution("branch_pool", 192),),
        ),
        pool,
    )


_HALVED_TO_17: Sequence[Branch] = (
    (Convolution("branch3x3", 384, (3, 3), 2),),
    (
        Convolution("branch3x3dbl_1", 64),
        Convolution("branch3x3dbl_2", 96, (3, 3)),
        Convolution("branch3x3dbl_3", 96, (3, 3), 2),
    ),
    (),
)
_HALVED_TO_8: Sequence[Branch] = (
    (Convolution("branch3x3_1", 192), Convolution("branch3x3_2", 320, (3, 3), 2)),
    (
        Convolution("branch7x7x3_1", 192),
        Convolution("branch7x7x3_2", 192, (1, 7)),
        Convolution("branch7x7x3_3", 192, (7, 1)),
        Convolution("branch7x7x3_4", 192, (3, 3), 2),
    ),
    (),
)
_BLOCKS: Mapping[str, tuple[Sequence[Branch], Pool]] = {
    "5b": _five(32),
    "5c": _five(64),
    "5d": _five(64),
    "6a": (_HALVED_TO_17, "halve"),
    "6b": _seven(128),
    "6c": _seven(160),
    "6d": _seven(160),
    "6e": _seven(192),
    "7a": (_HALVED_TO_8, "halve"),
    "7b": _wide("mean"),
    "7c": _wide("max"),
}
