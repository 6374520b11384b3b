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


def names() -> list[str]:
    """List the engines without importing them."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name[0] != "_")


def check(name: str) -> None:
    """Refuse a name that is no engine's.

    Raises:
        UsageError: E002.
    """
    if name not in names():
        raise UsageError(
            "E002", f"no engine {name!r}", ", ".join(names()), suggest(name, names(), "Leave it out.")
        )


def build(name: str, translator: Translator[Any], device: torch.device) -> Engine:
    """Build the engine that runs a translator on a device.

    Args:
        name: one of `names`.
        translator: the network, in evaluation mode.
        device: where it runs.

    Raises:
        UsageError: as `check`.
    """
    check(name)
    engine: Engine = importlib.import_module(f"{__name__}.{name}").build(translator, device)
    return engine
