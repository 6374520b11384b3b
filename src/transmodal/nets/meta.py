"""Networks without values: on the meta device, where tensors have shapes alone, and nothing is drawn to start from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

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
    shape = torch.broadcast_shapes(*(tensor.shape for tensor in tensors))  # type: ignore[no-untyped-call]  # torch
    whole = [tensor for tensor in tensors if tensor.shape == shape]
    return torch.empty_like(whole[0]) if whole else tensors[0].new_empty(shape)


def _tell_alike(first: Tensor, *_: object, **__: object) -> Tensor:
    return torch.empty_like(first)


def _tell_statistics(first: Tensor, *_: object, **__: object) -> tuple[Tensor, Tensor, Tensor]:
    statistics = first.new_empty(first.shape[:2])
    return torch.empty_like(first), statistics, torch.empty_like(statistics)


def _tell_cat(parts: Sequence[Tensor], dim: int = 0) -> Tensor | None:
    shape = list(parts[0].shape)
    if any(part.ndim != len(shape) for part in parts):
        return None
    shape[dim] = sum(part.shape[dim] for part in parts)
    return parts[0].new_empty(shape)


def _tell_addmm(_: Tensor, rows: Tensor, columns: Tensor, **__: object) -> Tensor:
    return rows.new_empty(rows.shape[0], columns.shape[1])


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
    **dict.fromkeys(("native_batch_norm", "native_group_norm", "native_layer_norm"), _tell_statistics),
    "addmm": _tell_addmm,
    "cat": _tell_cat,
    "linear": _tell_linear,
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
