"""How much memory an evaluation takes, told before the work: translating the largest case, and taking its figures."""

from __future__ import annotations

import math
from collections.abc import Sequence

from transmodal.cohorts.store import PreparedCase
from transmodal.inference.memory import MemoryEstimate, estimate, real_sources
from transmodal.inference.model import Model
from transmodal.metrics import registry
from transmodal.storage import memory

ADVICE = "Take less: --metrics mae, --oracles none, or --axes z where runs pass over several"
_REAL = 4
_SCORING = 10
"""Real volumes of a case that live while SSIM is taken within a mask, which takes most of the standard metrics."""
_CHALLENGE = 30
"""The same while a challenge's figures are taken, whose maps are of the whole volume in float64."""
_SIMPLE = 4
"""The same while errors of voxels are taken."""
_SIMPLE_METRICS = frozenset({"mae", "mse", "rmse", "psnr", "bias"})


def estimate_evaluation(
    models: Sequence[Model],
    cases: Sequence[PreparedCase],
    metrics: Sequence[str],
    *,
    n_oracles: int,
    n_channels: int = 1,
) -> MemoryEstimate:
    """Return what scoring models on cases takes.

    Args:
        models: with the passes that are asked for.
        cases: of the split.
        metrics: names of the figures.
        n_oracles: how many oracles, or volumes that are there already, stand beside the models.
        n_channels: of the target, as far as no model says it.

    Raises:
        ResourceError: E401 for a working grid beyond the budget.
    """
    translation = max(
        (
            estimate(model.network, [real_sources(case.grid, model.preprocessing) for case in cases]).more
            for model in models
        ),
        default=0,
    )
    largest = _REAL * max(math.prod(case.grid.shape) for case in cases)
    channels = max([n_channels, *(model.translator.config.target_channels for model in models)])
    is_simple = set(metrics) <= _SIMPLE_METRICS
    scoring = _SIMPLE if is_simple else _SCORING
    if any(registry.find(name).needs == "inside" for name in metrics):
        scoring = _CHALLENGE
    volumes = (len(models) + n_oracles + 1) * channels * largest
    return MemoryEstimate(memory.resident(), volumes + max(translation, scoring * channels * largest), 1)
