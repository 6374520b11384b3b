"""How many windows go through a network at a time on a CPU: told from shapes and settings, so that a result can be had again.

On a CPU a batch pays where windows share what is done once per batch: reading the weights, calling the operations. Otherwise
it costs, since the maps of several windows no longer fit into the processor's caches. The last bits of a result depend on the
batch, so nothing is measured: the rule gives the same everywhere, and translating, evaluating and validating follow it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import torch

from transmodal.inference.preprocessing import Preprocessing
from transmodal.translators._facts import WindowWork, window_work

WEIGHT_OPERATIONS = 48
"""Operations that a core does while it reads a weight of 4 bytes and brings it into order."""
CALL_OPERATIONS = 1 << 27
"""Operations that a core does while a network's operations are called: about a millisecond's."""
SHARE = 0.05
"""What is done once per batch may take so much of a window's own work."""

_works: dict[tuple[str, str, tuple[int, ...]], WindowWork | None] = {}
"""What was counted before, by translator, settings and window; None where it cannot be counted."""


def suit_batch(
    preprocessing: Preprocessing, name: str, settings: Mapping[str, Any], device: torch.device
) -> Preprocessing:
    """Return the preprocessing with the batch that suits a network on a CPU, which is the recipe's at most.

    It is as it was on other devices, and where windows are as large as their volume, whichever that is.

    Args:
        preprocessing: of a recipe.
        name: of the recipe's translator.
        settings: of the translator's `Config`, JSON-able.
        device: where it runs.
    """
    window = preprocessing.cutting.size
    if device.type != "cpu" or window is None:
        return preprocessing
    work = _count(name, settings, tuple(window))
    if work is None:
        return preprocessing
    return replace(preprocessing, batch=min(preprocessing.batch, windows_at_a_time(work)))


def windows_at_a_time(work: WindowWork) -> int:
    """Return the windows of a batch, a power of two: what is done once for all of them is small beside each one's work."""
    once = WEIGHT_OPERATIONS * work.weights + CALL_OPERATIONS
    windows = once / (SHARE * max(1, work.operations))
    return 1 << max(0, int(windows).bit_length() - 1)


def _count(name: str, settings: Mapping[str, Any], window: tuple[int, ...]) -> WindowWork | None:
    key = (name, json.dumps(settings, sort_keys=True), window)
    if key not in _works:
        _works[key] = None
        with suppress(Exception):  # a network that cannot be counted is translated all the same
            _works[key] = window_work(name, settings, window)
    return _works[key]
