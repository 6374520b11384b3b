"""Engines: each runs a network on batches of windows, behind the one small protocol of `_base`.

A file here whose name has no leading underscore is the engine of that name; it gives `build(translator, device)`. What goes
in and out are numpy arrays: open `_base` first, then `torch`.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

from transmodal.errors import UsageError, suggest

if TYPE_CHECKING:
    import torch

    from transmodal.inference.engines._base import Engine
    from transmodal.translators._base import Translator

DEFAULT = "torch"
INT8 = "int8"
"""Integers of eight bits, by `_int8`: of a run that was quantized, and of no network alone."""


def names() -> list[str]:
    """List the engines without importing them."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name[0] != "_")


def check(name: str) -> None:
    """Refuse a name that is no engine's.

    Raises:
        UsageError: E002.
    """
    valid = [*names(), INT8]
    if name not in valid:
        raise UsageError(
            "E002", f"no engine {name!r}", ", ".join(valid), suggest(name, valid, "Leave it out.")
        )


def build(name: str, translator: Translator[Any], device: torch.device) -> Engine:
    """Build the engine that runs a translator on a device.

    Args:
        name: one of `names`.
        translator: the network, in evaluation mode.
        device: where it runs.

    Raises:
        UsageError: as `check`; E004 for `int8`.
    """
    if name not in names():
        check(name)
        raise UsageError(
            "E004", f"engine {name} of a network", "a run that was quantized", "Load the run by it."
        )
    engine: Engine = importlib.import_module(f"{__name__}.{name}").build(translator, device)
    return engine
