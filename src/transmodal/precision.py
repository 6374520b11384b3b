"""Leaving autocast: for what has to be computed in float32 whatever the precision of training."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def full_precision(x: Tensor) -> AbstractContextManager[object]:
    """Return a context without autocast, for what has to be in float32; `x` tells the device."""
    if not torch.amp.is_autocast_available(x.device.type):
        return nullcontext()  # such as the meta device, on which networks are measured
    return torch.autocast(x.device.type, enabled=False)


def in_full_precision(compute: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Decorate a loss, so that it leaves autocast and gets its floating tensors in float32.

    A cast of the arguments alone does not do: inside autocast a convolution or a product of matrices takes them back
    to bfloat16, and differences of squares, such as the variances of SSIM, turn negative.

    Args:
        compute: takes one tensor or more, alone, in tuples or in lists; a network must not be among its arguments,
            since it would leave autocast with it.
    """

    @wraps(compute)
    def computed(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        tensors = [tensor for value in (*args, *kwargs.values()) for tensor in _tensors(value)]
        with full_precision(tensors[0]):
            return compute(*map(_single, args), **{name: _single(value) for name, value in kwargs.items()})

    return computed


def _tensors(value: object) -> list[Tensor]:
    if isinstance(value, (tuple, list)):
        return [tensor for part in value for tensor in _tensors(part)]
    return [value] if isinstance(value, Tensor) else []


def _single(value: Any) -> Any:  # noqa: ANN401  # what a loss takes
    """Return a value with the floating tensors in it as float32."""
    if isinstance(value, Tensor) and value.is_floating_point():
        return value.float()
    if isinstance(value, (tuple, list)):
        return [_single(part) for part in value]
    return value
