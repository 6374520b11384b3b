"""Quantizing in the words of the command line, for the command and for Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from transmodal.models import library
from transmodal.progress import StageProgress
from transmodal.storage import memory

if TYPE_CHECKING:
    from transmodal.quantizing.run import Quantization


@memory.guarded("a network was quantized", "Free memory.")
def quantize(
    run: str | Path,
    cohort: str | Path,
    *,
    checkpoint: str = "best",
    overwrite: bool = False,
    progress: StageProgress | None = None,
) -> Quantization:
    """Write a run's network in integers of eight bits beside its checkpoint, as `transmodal quantize` does.

    Args:
        run: its folder.
        cohort: that it learned from: its training split sets the ranges of the integers, its validation split shows what
            they cost.
        checkpoint: `best` or `last`.
        overwrite: replace a quantized network that is there.
        progress: told how far it is.

    Returns:
        Where it lies and what it costs.

    Raises:
        UsageError, InputError, ResourceError: as `quantizing.run.quantize`.
    """
    from transmodal.quantizing import run as quantizing

    return quantizing.quantize(
        library.resolve(run), Path(cohort), checkpoint=checkpoint, overwrite=overwrite, progress=progress
    )
