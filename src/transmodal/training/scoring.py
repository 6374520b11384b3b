"""The figures of one validation case: a whole volume through inference, scored inside the mask, and its picture."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from transmodal.cohorts.store import PreparedCase
from transmodal.errors import UsageError
from transmodal.evaluation.drawing import figures as drawing
from transmodal.evaluation.drawing.planes import Frame
from transmodal.evaluation.per_case import in_units_of
from transmodal.evaluation.score import STANDARD, range_of, score
from transmodal.evaluation.task import reference_units
from transmodal.inference.batching.rule import suit_batch
from transmodal.inference.engines.torch import TorchEngine
from transmodal.inference.preprocessing import Preprocessing
from transmodal.inference.synthesis import synthesise_case
from transmodal.storage import files
from transmodal.training.planning.plan import Plan
from transmodal.translators._base import Translator
from transmodal.volumes import Volume


def metrics_of(plan: Plan) -> tuple[str, ...]:
    """Return the metrics of validation: the primary one, and the standard ones where there is a range."""
    standard = STANDARD if _data_range(plan.preprocessing) is not None else ()
    return tuple(dict.fromkeys((plan.recipe.evaluation.primary, *standard)))


def score_case(
    translator: Translator[Any], plan: Plan, case: PreparedCase, device: torch.device
) -> tuple[dict[str, float], Volume]:
    """Translate one case and measure it, in 3D, inside the case's mask where it has one.

    A target without a unit (MR contrasts) is brought into the training cohort's reference units first, by
    its own map: the synthetic volume is in those. The translator has to be in evaluation mode.

    Returns:
        The figures by metric, and the synthetic volume.
    """
    preprocessing = suit_batch(plan.preprocessing, plan.recipe.translator, plan.config, device)
    synthetic = synthesise_case(TorchEngine(translator, device), preprocessing, case).volume
    target = case.volume(preprocessing.target)
    if preprocessing.target_map.spec.method != "window":
        target = in_units_of(reference_units(preprocessing), case, target)
    rows = score(
        target,
        synthetic,
        mask_of(case),
        modality=preprocessing.target,
        data_range=_data_range(preprocessing) or 1.0,
        unit=_unit(preprocessing),
        metrics=metrics_of(plan),
    )
    figures: dict[str, float] = {}
    for row in rows:  # inside the mask comes before whole, 3D before 2D
        figures.setdefault(row.metric, row.value)
    return figures, synthetic


def mask_of(case: PreparedCase) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
    """Return where figures are taken: the data set's mask; None, everywhere, where it gives none."""
    mask = case.mask()
    return mask if mask is not None and mask.any() else None


def mean(values: Sequence[float]) -> float:
    """Return the mean over cases as a finite number: a PSNR of infinity becomes the largest float."""
    total = math.fsum(values) / len(values) if all(map(math.isfinite, values)) else sum(values) / len(values)
    return total if not math.isinf(total) else math.copysign(sys.float_info.max, total)


def draw_case(path: Path, case: PreparedCase, preprocessing: Preprocessing, synthetic: Volume) -> None:
    """Write source, synthetic and target on three planes, one below the other, as PNG."""
    source, target = case.volume(preprocessing.sources[0]), case.volume(preprocessing.target)
    mask = mask_of(case)
    frame = Frame.of(target.grid, mask)
    first = preprocessing.sources[0]
    source_window = drawing.window_of(first, source.voxels, mask, unit=preprocessing.units.get(first, ""))
    target_window = drawing.window_of(preprocessing.target, target.voxels, mask, unit=_unit(preprocessing))
    rows = [
        drawing.grey(frame.strip(source.voxels), source_window),
        drawing.grey(frame.strip(synthetic.voxels), target_window),
        drawing.grey(frame.strip(target.voxels), target_window),
    ]
    if any(row.ndim == 3 for row in rows):
        rows = [row if row.ndim == 3 else np.repeat(row[..., None], 3, axis=-1) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.atomic_path(path) as beside:
        beside.write_bytes(drawing.png(np.concatenate(rows)))


def _data_range(preprocessing: Preprocessing) -> float | None:
    """Return the target's data range; None where it has none, as with z-scores."""
    try:
        return range_of(preprocessing.target, preprocessing.target_map, _unit(preprocessing))
    except UsageError:
        return None


def _unit(preprocessing: Preprocessing) -> str:
    """Return the target's unit where it is not the modality's own."""
    return preprocessing.units.get(preprocessing.target, "")
