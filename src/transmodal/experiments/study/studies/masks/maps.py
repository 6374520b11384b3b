"""Learned maps of one case: means by tissue, how alike they are, and how far anatomy explains them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import UsageError
from transmodal.evaluation.statistics.association import pearson
from transmodal.experiments.study.bench import Entrant
from transmodal.experiments.study.scored import Scored, read_scored
from transmodal.experiments.study.units import Content
from transmodal.experiments.study.windows import Labels, network_windows
from transmodal.inference.load import load
from transmodal.inference.model import Model
from transmodal.translators._base import Translator
from transmodal.translators.agi_net.translator import AGINet
from transmodal.translators.mrnet.translator import MRNet

STRONGEST = 0.1
"""Share of the voxels in which a map acts most, whose overlap is taken."""
FEWEST = 20
"""Voxels of a tissue below which it has no mean."""
Maps = Mapping[str, NDArray[np.float32]]
"""By name, `(P,)`: the share that a map lets pass in every voxel of the region."""


class MapItem(NamedTuple):
    """A case of a run, as it travels to a process."""

    entrant: Entrant
    evaluation: Path
    cohort: Path
    case: str
    step: int
    device: str | None


def list_maps(entrant: Entrant) -> str:
    """Return the kind of a run's maps, `masks` or `attention`.

    Raises:
        UsageError: E004 for a translator that has none.
    """
    kinds = {"mrnet": "masks", "agi_net": "attention"}
    translator, settings = entrant.recipe.translator, entrant.recipe.settings
    if translator not in kinds or settings.get("masks") == 0 or settings.get("cga") == "none":
        raise UsageError(
            "E004",
            f"{entrant.label}, a run of {translator} without maps",
            "runs of mrnet with masks, or of agi_net with attention",
            "Leave it out.",
        )
    return kinds[translator]


def measure_case(item: MapItem) -> Content:
    """Return a case's figures of every map, and of every pair of masks."""
    scored = read_scored(item.evaluation, Cohort.open(item.cohort))
    case = next(case for case in scored.cases() if case.id == item.case)
    model = load(item.entrant.folder, device=item.device)
    maps, labels, turned = _collect(model, case, item.step)
    return {
        "case": case.id,
        "patient": case.patient,
        "maps": {name: _describe(values, labels, turned, scored) for name, values in maps.items()},
        "pairs": [
            {
                "first": first,
                "second": second,
                "r": _finite(float(pearson(maps[first].astype(np.float64), maps[second].astype(np.float64)))),
                "overlap": overlap(maps[first], maps[second]),
            }
            for first, second in combinations(maps, 2)
            if isinstance(model.translator, MRNet)
        ],
    }


def maps_of(
    translator: Translator[Any], source: torch.Tensor, available: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Return the maps of one window, `(h, w)` each, by name: the share that each lets pass."""
    with torch.inference_mode():
        if isinstance(translator, MRNet):
            masks = translator.masks_of(source, available)[0].mean(dim=1)
            return {f"mask {n}": mask for n, mask in enumerate(masks, start=1)}
        if isinstance(translator, AGINet):
            stages = translator.maps(source, available)
            grown = {
                stage: F.interpolate(maps, source.shape[2:], mode="bilinear")[0]
                for stage, maps in stages.items()
            }
            return {
                f"{stage}, group {n}": part for stage, maps in grown.items() for n, part in enumerate(maps, 1)
            }
    return {}


def explained(values: NDArray[np.floating], labels: Labels) -> float:
    """Return the share of a map's variance that lies between tissues, 0 to 1; 0 where it does not vary."""
    whole = float(((values - values.mean()) ** 2).sum())
    between = sum(
        (labels == label).sum() * (values[labels == label].mean() - values.mean()) ** 2
        for label in np.unique(labels)
    )
    return float(between / whole) if whole > 0 else 0.0


def overlap(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return the share that the voxels in which two maps let least pass have in common; `STRONGEST` is chance."""
    n = max(1, round(STRONGEST * len(first)))
    strongest = [set(np.argsort(values, kind="stable")[:n].tolist()) for values in (first, second)]
    return len(strongest[0] & strongest[1]) / n


def _collect(model: Model, case: PreparedCase, step: int) -> tuple[Maps, Labels, Labels]:
    """Return the maps of every `step`-th slice in the region, its labels, and those of the slice turned by half."""
    collected: dict[str, list[NDArray[np.float32]]] = {}
    own, turned = [], []
    for source, labels in network_windows(model, case, step, FEWEST):
        available = torch.ones(1, len(model.preprocessing.sources), device=model.device)
        maps = maps_of(model.translator, torch.from_numpy(source)[None].to(model.device), available)
        inside = labels > 0
        for name, values in maps.items():
            collected.setdefault(name, []).append(values.float().cpu().numpy()[inside])
        own.append(labels[inside])
        turned.append(labels[::-1, ::-1][inside])
    return (
        {name: np.concatenate(parts) for name, parts in collected.items()},
        np.concatenate(own),
        np.concatenate(turned),
    )


def _describe(values: NDArray[np.float32], labels: Labels, turned: Labels, scored: Scored) -> Content:
    names = {int(label): scored.task.labels.get(int(label), f"label {label}") for label in np.unique(labels)}
    return {
        "mean": float(values.mean()),
        "explained": explained(values, labels),
        "turned": explained(values, turned),
        "tissues": {
            name: float(values[labels == label].mean())
            for label, name in names.items()
            if (labels == label).sum() >= FEWEST
        },
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
