"""Every engine takes what the protocol says."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import get_type_hints

import pytest

from transmodal.inference import engines
from transmodal.inference.engines._base import Engine

NAMES = [module.name for module in pkgutil.iter_modules(engines.__path__) if not module.name.startswith("_")]


@pytest.mark.parametrize("name", NAMES)
def test_an_engine_infers_from_the_protocols_arguments(name: str) -> None:
    module = importlib.import_module(f"{engines.__name__}.{name}")
    infer = get_type_hints(module.build)["return"].infer
    assert inspect.signature(infer) == inspect.signature(Engine.infer)
    assert list(inspect.signature(infer).parameters) == ["self", "source", "available", "noise"]
