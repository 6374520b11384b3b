"""Where networks run: a device by its name, refused in plain words where there is none."""

from __future__ import annotations

import torch

from transmodal.errors import ResourceError, UsageError, suggest
from transmodal.recipes.training_schema import DEVICES, is_device


def device_of(name: str | None) -> torch.device:
    """Return a device.

    Args:
        name: `cpu`, `cuda`, `cuda:1` or `mps`; None and `auto` take a GPU where there is one.

    Raises:
        UsageError: E001 for another name.
        ResourceError: E404 for a device that this machine, or this build of torch, does not have.
    """
    if name is None or name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not is_device(name):
        hint = suggest(
            name, ("auto", "cpu", "cuda", "mps"), "Use auto, which takes a GPU where there is one."
        )
        raise UsageError("E001", f"device {name!r}", DEVICES, hint)
    device = torch.device(name)
    n_cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= n_cards:
        devices = f"torch {torch.__version__} sees {n_cards or 'no'} CUDA device{'' if n_cards == 1 else 's'}"
        raise ResourceError("E404", f"device {name}: {devices}", "a device that is there", _remedy(n_cards))
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ResourceError(
            "E404", "device mps: torch sees no Apple GPU", "a device that is there", _remedy(n_cards)
        )
    return device


def _remedy(n_cards: int) -> str:
    names = f"cpu, or cuda:0 to cuda:{n_cards - 1}" if n_cards else "cpu or auto"
    return f"Use {names}: --device, or training.device in a recipe."
