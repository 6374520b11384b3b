"""Networks without values: on the meta device, where tensors have shapes alone, and nothing is drawn to start from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_ON_ELEMENTS = [
    "abs",
    "add",
    "add_",
    "clamp",
    "clamp_min",
    "div",
    "elu",
    "exp",
    "gelu",
    "hardtanh",
    "leaky_relu",
    "leaky_relu_",
    "log",
    "maximum",
    "minimum",
    "mul",
    "mul_",
    "neg",
    "pow",
    "reciprocal",
    "relu",
    "relu_",
    "rsqrt",
    "sigmoid",
    "silu",
    "softplus",
    "sqrt",
    "sub",
    "tanh",
]
_ALIKE = ["_safe_softmax", "_softmax", "batch_norm", "group_norm", "instance_norm", "layer_norm", "roll"]
_PADDED = [
    "constant_pad_nd",
    "reflection_pad2d",
    "reflection_pad3d",
    "replication_pad2d",
    "replication_pad3d",
]
_DRAWS = frozenset({Tensor.normal_, Tensor.uniform_, Tensor.bernoulli_, Tensor.exponential_})


@contextmanager
def shapes_alone() -> Iterator[None]:
    """Make tensors on the meta device while the block runs, and let nothing be drawn into them.

    To draw into a tensor of the meta device does nothing, but the first time torch imports its compiler for it: seconds.
    """
    with torch.device("meta"), _NoDraws(), _Shapes():  # type: ignore[no-untyped-call]  # torch
        yield


class ShapeMode(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch
    """A mode of dispatch for tensors of shapes alone: `run` gives what an operation gives.

    For the most frequent operations it tells the shape by itself: torch's own way there imports its compiler, for seconds.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Ask torch not to import its compiler for the mode itself either."""
        return False

    @staticmethod
    def run(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any] | None) -> Any:  # noqa: ANN401 - torch's own
        """Run an operation."""
        if func in (torch.ops.aten.randn.default, torch.ops.aten.rand.default):
            func = torch.ops.aten.empty.memory_format  # of the same arguments, and nothing is drawn
        tell = _TELLERS.get(func._overloadpacket.__name__)
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if tell is not None and tensors and all(map(_is_plain, tensors)) and "out" not in (kwargs or {}):
            result = tell(*args, **(kwargs or {}))
            if result is not None:
                return result
        return func(*args, **(kwargs or {}))


def _is_plain(tensor: Tensor) -> bool:
    return tensor.is_meta and tensor.is_floating_point()


def _tell_in_place(first: Tensor, *_: object, **__: object) -> Tensor:
    return first


def _tell_broadcast(*args: object, **_: object) -> Tensor:
    tensors = [part for part in args if isinstance(part, Tensor)]
    shape = np.broadcast_shapes(*(tensor.shape for tensor in tensors))  # torch's own imports its compiler
    whole = [tensor for tensor in tensors if tensor.shape == shape]
    return _blank(whole[0]) if whole else tensors[0].new_empty(shape)


def _tell_alike(first: Tensor, *_: object, **__: object) -> Tensor:
    return _blank(first)


def _blank(tensor: Tensor) -> Tensor:
    """Return another of a tensor's shape: torch's `empty_like` imports its compiler here."""
    return tensor.new_empty(tensor.shape)


def _tell_statistics(first: Tensor, *_: object, **__: object) -> tuple[Tensor, Tensor, Tensor]:
    statistics = first.new_empty(first.shape[:2])
    return _blank(first), statistics, _blank(statistics)


def _tell_cat(parts: Sequence[Tensor], dim: int = 0) -> Tensor | None:
    shape = list(parts[0].shape)
    if any(part.ndim != len(shape) for part in parts):
        return None
    shape[dim] = sum(part.shape[dim] for part in parts)
    return parts[0].new_empty(shape)


def _tell_addmm(_: Tensor, rows: Tensor, columns: Tensor, **__: object) -> Tensor:
    return rows.new_empty(rows.shape[0], columns.shape[1])


def _tell_convolution(
    first: Tensor,
    weight: Tensor,
    _: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Tensor | None:
    sides, spread = first.shape[2:], [a * (b - 1) for a, b in zip(dilation, weight.shape[2:], strict=False)]
    by_side = (sides, spread, stride, padding, output_padding)
    if first.ndim != weight.ndim or len({len(numbers) for numbers in by_side}) > 1:
        return None  # without a batch, or one number for all sides
    if transposed:
        shape = [
            (side - 1) * step - 2 * pad + reach + more + 1
            for side, reach, step, pad, more in zip(*by_side, strict=True)
        ]
        return first.new_empty(first.shape[0], weight.shape[1] * groups, *shape)
    shape = [
        (side + 2 * pad - reach - 1) // step + 1 for side, reach, step, pad, _ in zip(*by_side, strict=True)
    ]
    return None if min(shape) < 1 else first.new_empty(first.shape[0], weight.shape[0], *shape)


def _tell_conv(
    first: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sequence[int] | int = 1,
    padding: Sequence[int] | int | str = 0,
    dilation: Sequence[int] | int = 1,
    groups: int = 1,
) -> Tensor | None:
    if isinstance(padding, str):
        return None
    n = first.ndim - 2
    steps, pads, spreads = _each(stride, n), _each(padding, n), _each(dilation, n)
    return _tell_convolution(first, weight, bias, steps, pads, spreads, False, [0] * n, groups)


def _tell_conv_transposed(
    first: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sequence[int] | int = 1,
    padding: Sequence[int] | int = 0,
    output_padding: Sequence[int] | int = 0,
    groups: int = 1,
    dilation: Sequence[int] | int = 1,
) -> Tensor | None:
    n = first.ndim - 2
    steps, pads, spreads = _each(stride, n), _each(padding, n), _each(dilation, n)
    return _tell_convolution(
        first, weight, bias, steps, pads, spreads, True, _each(output_padding, n), groups
    )


def _each(numbers: Sequence[int] | int, n: int) -> Sequence[int]:
    """Return one number per side, where one may stand for all."""
    each = [numbers] if isinstance(numbers, int) else list(numbers)
    return each * n if len(each) == 1 else each


def _tell_padded(first: Tensor, padding: Sequence[int], *_: object) -> Tensor:
    shape = list(first.shape)
    for n, (before, behind) in enumerate(zip(padding[::2], padding[1::2], strict=True), start=1):
        shape[-n] += before + behind
    return first.new_empty(shape)


def _tell_repeated(first: Tensor, repeats: Sequence[int]) -> Tensor:
    shape = [1] * (len(repeats) - first.ndim) + list(first.shape)
    return first.new_empty([side * times for side, times in zip(shape, repeats, strict=True)])


def _tell_linear(first: Tensor, weight: Tensor, *_: Tensor) -> Tensor:
    return first.new_empty(*first.shape[:-1], weight.shape[0])


def _tell_resized(first: Tensor, size: Sequence[int] | None, *more: Any) -> Tensor:  # noqa: ANN401 - corners, factors
    factors = more[-1] if size is None else ()
    sides = size or [int(side * factor) for side, factor in zip(first.shape[2:], factors, strict=True)]
    return first.new_empty(*first.shape[:2], *sides)


def _tell_moments(
    first: Tensor, dim: Sequence[int] | None = None, *, correction: float = 1, keepdim: bool = False
) -> tuple[Tensor, Tensor]:
    axes = {axis % first.ndim for axis in (range(first.ndim) if dim is None else dim)}
    shape = [1 if n in axes else side for n, side in enumerate(first.shape) if keepdim or n not in axes]
    return first.new_empty(shape), first.new_empty(shape)


_TELLERS: dict[str, Callable[..., Any]] = {
    **{name: _tell_in_place if name.endswith("_") else _tell_broadcast for name in _ON_ELEMENTS},
    **dict.fromkeys(_ALIKE, _tell_alike),
    **dict.fromkeys(_PADDED, _tell_padded),
    **dict.fromkeys(("native_batch_norm", "native_group_norm", "native_layer_norm"), _tell_statistics),
    "addmm": _tell_addmm,
    "cat": _tell_cat,
    "convolution": _tell_convolution,
    **dict.fromkeys(("conv2d", "conv3d"), _tell_conv),
    **dict.fromkeys(("conv_transpose2d", "conv_transpose3d"), _tell_conv_transposed),
    "linear": _tell_linear,
    "repeat": _tell_repeated,
    "upsample_bilinear2d": _tell_resized,
    "var_mean": _tell_moments,
}
"""Shapes by the name of an operation; None where it cannot be told."""


class _Shapes(ShapeMode):  # type: ignore[no-untyped-call]  # torch
    """Runs operations, and does no more."""

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - torch's own signature
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Run an operation."""
        return self.run(func, args, kwargs)


class _NoDraws(TorchFunctionMode):
    """Leaves out whatever fills a tensor with starting values."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - torch's own signature
        """Run a function of torch, or leave it out."""
        words = kwargs or {}
        if func in _DRAWS or getattr(func, "__module__", "") == torch.nn.init.__name__:
            return args[0] if args else words["tensor"]
        return func(*args, **words)
