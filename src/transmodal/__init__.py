"""Transmodal: synthesise the medical image that is missing from the one that is there.

The verbs of the command line are functions here; importing the package brings no torch:

    import transmodal

    model = transmodal.load("runs/t1-to-fa")
    fa = model.translate(transmodal.read("t1.nii.gz")).volume
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = ["__version__", "evaluate", "load", "prepare", "read", "train", "translate", "write"]

if TYPE_CHECKING:
    from transmodal.cohorts.prepare import prepare
    from transmodal.commands.translate import translate
    from transmodal.evaluation.run import evaluate
    from transmodal.inference.translate import load
    from transmodal.training.loop import train
    from transmodal.volumes.io import read, write

_HOMES = {
    "evaluate": "transmodal.evaluation.run",
    "load": "transmodal.inference.translate",
    "prepare": "transmodal.cohorts.prepare",
    "read": "transmodal.volumes.io",
    "train": "transmodal.training.loop",
    "translate": "transmodal.commands.translate",
    "write": "transmodal.volumes.io",
}


def __getattr__(name: str) -> object:
    """Import a verb when it is first asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'transmodal' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
