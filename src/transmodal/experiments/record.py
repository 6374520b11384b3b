"""The record of how figures came about: code, cohort, hardware, weights; and what they come to over seeds."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from transmodal._version import __version__
from transmodal.cohorts.store import Cohort
from transmodal.evaluation import provenance
from transmodal.notice import INTENDED_USE
from transmodal.recipes.load import dump
from transmodal.recipes.schema import Recipe
from transmodal.storage import files


class SeedSpread(NamedTuple):
    """Mean and standard deviation over seeds; the latter is 0 for one seed."""

    mean: float
    sd: float


def spread(values: Sequence[float]) -> SeedSpread:
    """Return mean and standard deviation of one value per seed."""
    return SeedSpread(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0)


def code_record() -> dict[str, Any]:
    """Return what the figures are for, and the code that made them."""
    return {"intended_use": INTENDED_USE, "version": __version__, "commit": commit()}


def cohort_record(cohort: Cohort) -> dict[str, Any]:
    """Return which cohort the figures are of."""
    return {
        "name": cohort.manifest.name,
        "digest": cohort.digest(),
        "cases": {split: len(cohort.cases(split)) for split in ("train", "validation", "test")},
    }


def hardware() -> dict[str, Any]:
    """Return what the time that trainings took depends on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return {
        "cores": cores,
        "machine": platform.machine(),
        "device": device,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "threads_per_training": 1,
    }


def recipe_sha256(recipe: Recipe, model: Mapping[str, Any] | None = None) -> str:
    """Return the SHA-256 of a recipe as YAML.

    Args:
        recipe: resolved.
        model: an evaluation's record of the trained model: files of weights are named by their content then, so
            that the hash does not depend on where they lie.
    """
    if model is not None:
        recipe = provenance.without_paths(recipe, provenance.weight_hashes(model))
    return files.sha256_text(dump(recipe))


def commit() -> str | None:
    """Return the commit of this code, `-dirty` where it was changed since; None outside a checkout."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()
