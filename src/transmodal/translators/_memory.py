"""Memory that a network's tensors take, counted on the meta device: the most that live at once in a pass or a step."""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from transmodal import translators
from transmodal.batch import Batch
from transmodal.nets.meta import ShapeMode, shapes_alone
from transmodal.translators._base import Translator

_SAMPLER = "sampler_steps"
"""The setting of translators that sample: in how many steps, one after the other."""
_ROUNDING = 1.15
"""What allocators and the orders that kernels take add to the tensors; by benchmarks/bench_memory.py."""
_LIBRARY_BYTES = 60 << 20
"""What torch's kernels take once, for themselves and their plans."""

_counts: dict[tuple[str, str, tuple[int, ...], str], int] = {}
"""What was counted before, by translator, settings, shape and, of a step, its phase: a cohort's volumes are of few shapes."""


Run = Callable[[Any, Sequence[Any], Mapping[str, Any] | None], Any]
"""Takes an operation of torch, its arguments and its words."""


class LiveBytes(ShapeMode):  # type: ignore[no-untyped-call]  # torch
    """Counts the bytes of the tensors that live, and the most of them, while operations run.

    A convolution on a CPU holds its input and its output a second time while it runs, in the order that its kernels take.

    Attributes:
        now: bytes that live.
        peak: the most that lived at once.

    Args:
        run: runs an operation; by default as torch does, gradients included.
    """

    def __init__(self, run: Run | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch
        self._run = run or _run_by_torch
        self.now = 0
        self.peak = 0
        self._counted: set[int] = set()

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - torch's own signature
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Run an operation and count the storage that it makes."""
        result = self._run(func, args, kwargs)
        tensors = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        for tensor in tensors:
            self._count(tensor)
        scratch = 0
        if "conv" in func.name():
            inputs = [leaf for leaf in tree_leaves(args) if isinstance(leaf, Tensor)]
            scratch = sum(tensor.nbytes for tensor in (*inputs[:1], *tensors[:1]))
        self.peak = max(self.peak, self.now + scratch)
        return result

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._counted:
            return
        self._counted.add(key)
        self.now += size
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._counted.discard(key)
        self.now -= size


def _run_by_torch(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any] | None) -> Any:  # noqa: ANN401 - torch's own
    return func(*args, **(kwargs or {}))


def forward_bytes(name: str, settings: Mapping[str, Any], shape: tuple[int, ...]) -> int:
    """Return what a translator takes besides its weights while it translates a batch.

    Args:
        name: of the translator.
        settings: of its `Config`, JSON-able.
        shape: `(B, C, *S)` of the source.
    """
    key = (name, json.dumps(settings, sort_keys=True), shape, "")
    if key not in _counts:
        _counts[key] = _count_forward(name, settings, shape)
    return _counts[key] + _LIBRARY_BYTES


def _count_forward(name: str, settings: Mapping[str, Any], shape: tuple[int, ...]) -> int:
    content = {**settings, **({_SAMPLER: 1} if _SAMPLER in settings else {})}
    count = LiveBytes(ShapeMode.run)
    with shapes_alone(), torch.inference_mode():
        translator = translators.build(name, content).eval()
        source, available, seeds = _inputs(shape, len(translator.config.source_channels))
        with (
            suppress(Exception),
            count,
        ):  # what cannot be counted may well be translated, or says better why not
            translator(source, available, noise=seeds if translator.draws else None)
    return int(count.peak * _ROUNDING)


def step_bytes(name: str, settings: Mapping[str, Any], shape: tuple[int, ...], phase: str) -> int:
    """Return what training takes: weights, gradients, the optimisers' moments, and what lives within a step.

    Args:
        name: of the translator.
        settings: of its `Config`, JSON-able.
        shape: `(B, C, *S)` of the source.
        phase: of training.
    """
    key = (name, json.dumps(settings, sort_keys=True), shape, phase)
    if key not in _counts:
        _counts[key] = _count_step(name, settings, shape, phase)
    return _counts[key] + _LIBRARY_BYTES


def _count_step(name: str, settings: Mapping[str, Any], shape: tuple[int, ...], phase: str) -> int:
    count = LiveBytes(_run_with_gradients)
    with shapes_alone():
        translator = translators.build(name, settings)
        batch = _batch(translator, shape, phase)
    with torch.device("meta"):
        with suppress(Exception), count:  # losses that look at values, of which there are none here
            _step(translator, batch)
        if count.peak == 0:
            with suppress(Exception), count:
                torch.autograd.backward(translator(batch.source, batch.available).sum())
    # Gradients are counted within the step.
    return int(count.peak * _ROUNDING) + _kept_bytes(translator)


def _run_with_gradients(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any] | None) -> Any:  # noqa: ANN401 - torch's own
    """Run an operation by its shapes; a normalisation by torch, which has the statistics that its gradient takes."""
    run = _run_by_torch if func._overloadpacket.__name__.startswith("native_") else ShapeMode.run
    return run(func, args, kwargs)


def weight_bytes(name: str, settings: Mapping[str, Any]) -> int:
    """Return what a training keeps between its steps: weights, gradients and two moments, as Adam has them."""
    with shapes_alone():
        translator = translators.build(name, settings)
    return _kept_bytes(translator) + sum(
        part.nbytes for part in translator.parameters() if part.requires_grad
    )


def _kept_bytes(translator: Translator[Any]) -> int:
    weights = sum(parameter.nbytes for parameter in translator.parameters())
    return weights + 2 * sum(part.nbytes for part in translator.parameters() if part.requires_grad)


def _batch(translator: Translator[Any], shape: tuple[int, ...], phase: str) -> Batch:
    source, available, seeds = _inputs(shape, len(translator.config.source_channels))
    target = torch.zeros(shape[0], translator.config.target_channels, *shape[2:])
    mask = torch.ones(shape[0], 1, *shape[2:])
    return Batch(source, available, target, mask, draw=seeds, phase=phase)


def _step(translator: Translator[Any], batch: Batch) -> None:
    outputs = translator.synthesise(batch)
    for player in translator.players(batch.phase):
        losses = translator.losses(player, batch, outputs).values()
        torch.autograd.backward(torch.stack([loss.sum() for loss in losses]).sum(), retain_graph=True)


def _inputs(shape: tuple[int, ...], n_sources: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return a source without values, what is available, and seeds, which are read on the CPU."""
    seeds = torch.zeros(shape[0], dtype=torch.int64, device="cpu")
    return torch.zeros(shape), torch.ones(shape[0], n_sources), seeds
