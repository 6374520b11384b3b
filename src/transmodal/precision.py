"""Leaving autocast: for what has to be computed in float32 whatever the precision of training."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
_CONVOLUTIONS = (functional.conv1d, functional.conv2d, functional.conv3d)


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


class NarrowMapsInFloat32(TorchFunctionMode):
    """Within it, a CPU convolves maps that are narrower than the kernel in float32, also inside autocast.

    For such maps, at the bottom of a U-Net, oneDNN's kernels for bfloat16 take the gradient of the weights in part from
    memory that nobody wrote, and write beyond its end (torch 2.13 with oneDNN's avx512_core_bf16, in 3D for kernels of 3
    and more; rarely with AMX, too): a step is now and then not finite, or wrong and finite. These maps are so small that
    float32 costs nothing.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Collection[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401  # what torch's functions return
        """Call one of torch's functions; the arguments are named as torch names them."""
        settings = dict(kwargs or {})
        if (
            func not in _CONVOLUTIONS
            or not torch.is_autocast_enabled("cpu")
            or not _is_narrow(args, settings)
        ):
            return func(*args, **settings)
        with full_precision(args[0]):
            return func(*map(_single, args), **{name: _single(value) for name, value in settings.items()})


def _is_narrow(args: Sequence[Any], settings: Mapping[str, Any]) -> bool:
    """Tell whether a convolution's maps, on the CPU, are narrower than its kernel reaches."""
    maps, kernel = args[0], args[1] if len(args) > 1 else settings["weight"]
    steps = args[5] if len(args) > 5 else settings.get("dilation", 1)
    sides = kernel.shape[2:]
    dilations = (steps,) * len(sides) if isinstance(steps, int) else tuple(steps)
    reaches = [step * (side - 1) + 1 for step, side in zip(dilations, sides, strict=True)]
    return maps.device.type == "cpu" and any(map(int.__lt__, maps.shape[2:], reaches))


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
