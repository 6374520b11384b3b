"""Norms of maps that lie channels last: instance norms stay there, and group norms are as exact as elsewhere.

For an instance norm torch copies the map to channels first and leaves it there. The copy takes several times as long
as the norm, and the next convolution copies the map back. For a group norm it takes a variance as the difference of two
sums: of a large map far from zero four digits of it are left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


class ChannelsLastNorms(TorchFunctionMode):
    """While it is entered, norms of maps that lie channels last are those of this module; all else is torch's own."""

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        """Call a function of torch, or its equal for maps that lie channels last."""
        if func is F.instance_norm and _lies_channels_last(args[0]):
            return normalise(*args, **(kwargs or {}))
        if func is F.group_norm and _lies_channels_last(args[0]):
            return normalise_groups(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def normalise(
    x: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Return `torch.nn.functional.instance_norm` of `(B, C, H, W)` in the layout of the map, to rounding.

    Means are torch's sums, which add by pairs, so that rounding does not grow with the map.
    """
    if not use_input_stats:
        return F.instance_norm(x, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)
    rest = x - x.mean((2, 3), keepdim=True)
    factor = torch.rsqrt(rest.square().mean((2, 3), keepdim=True) + eps)
    if weight is not None:
        factor = factor * weight.view(-1, 1, 1)
    return rest * factor if bias is None else torch.addcmul(bias.view(-1, 1, 1), rest, factor)


def normalise_groups(
    x: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Return `torch.nn.functional.group_norm` of `(B, C, H, W)` in the layout of the map, to rounding.

    Means are taken by channel and then by group: over both at once torch adds in single steps.
    """
    rest = x - _by_group(x.mean((2, 3)), num_groups)
    factor = torch.rsqrt(_by_group(rest.square().mean((2, 3)), num_groups) + eps)
    if weight is not None:
        factor = factor * weight.view(-1, 1, 1)
    return rest.mul_(factor) if bias is None else torch.addcmul(bias.view(-1, 1, 1), rest, factor)


def _by_group(means: Tensor, num_groups: int) -> Tensor:
    """Return means by channel `(B, C)` as those of their groups `(B, C, 1, 1)`."""
    groups = means.view(len(means), num_groups, -1)
    return groups.mean(2, keepdim=True).expand_as(groups).flatten(1)[:, :, None, None]


def _lies_channels_last(x: Tensor) -> bool:
    return x.ndim == 4 and not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last)
