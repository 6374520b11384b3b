"""The fastest engine that is installed and computes as torch does; torch where none is."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from transmodal.errors import ResourceError
from transmodal.inference.engines._base import Engine, EngineError
from transmodal.inference.engines._compared import ComparedEngine
from transmodal.inference.engines.torch import build as build_torch
from transmodal.translators._base import Translator

CANDIDATES = ("openvino", "onnxruntime")
"""Fastest first, as `benchmarks/bench_translate.py` measures them."""


class AutoEngine:
    """Goes down a list of engines: a later one takes over where one cannot compute, or differs from torch.

    Args:
        engines: by name, fastest first.
        last: torch, which computes what none of them does.
        fallback: why an engine is not among them.
    """

    def __init__(self, engines: Mapping[str, ComparedEngine], last: Engine, fallback: str = "") -> None:
        self._engines, self._last, self._fallback = dict(engines), last, fallback
        self._names = list[str]()

    def infer(
        self, source: NDArray[np.float32], available: NDArray[np.float32], noise: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Translate a batch of windows; see `Engine`."""
        while self._engines:
            name, engine = next(iter(self._engines.items()))
            try:
                synthetic = engine.infer(source, available, noise)
            except EngineError as error:
                self._fallback = error.got
                del self._engines[name]
            else:
                self._note(name)
                return synthetic
        self._note("torch")
        return self._last.infer(source, available, noise)

    def record(self) -> Mapping[str, Any]:
        """Return what computed, and why torch did where it did; see `SupportsRecord`.

        Where one engine took over from another within a volume, `name` is `auto`: it does the same again.
        """
        active_engines = [engine for name, engine in self._engines.items() if name in self._names]
        content = (
            dict(active_engines[0].record())
            if active_engines
            else {"name": "torch", "version": torch.__version__}
        )
        name = self._names[0] if len(self._names) == 1 else "auto"
        fallback = {"fallback": self._fallback} if self._fallback else {}
        return {**content, "name": name, **fallback}

    def _note(self, name: str) -> None:
        if name not in self._names:
            self._names.append(name)


def build(translator: Translator[Any], device: torch.device) -> AutoEngine:
    """Build the engine of a translator on a device; engines that are not installed are passed over."""
    engines, fallback = dict[str, ComparedEngine](), ""
    for name in CANDIDATES:
        try:
            engines[name] = importlib.import_module(f"{__package__}.{name}").build(translator, device)
        except (EngineError, ResourceError) as error:
            fallback = fallback or error.got
    return AutoEngine(engines, build_torch(translator, device), "" if engines else fallback)
