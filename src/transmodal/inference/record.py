"""The record of a translation: how a synthetic volume came about, as its sidecar says it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from transmodal._version import __version__
from transmodal.inference import engines
from transmodal.inference.engines._base import Engine, SupportsRecord
from transmodal.inference.preprocessing import AXES, Preprocessed, Preprocessing, passes
from transmodal.inference.provenance import environment
from transmodal.nets.frozen import RANDOM
from transmodal.notice import INTENDED_USE
from transmodal.volumes import Grid, Volume, binding

if TYPE_CHECKING:
    from transmodal.inference.model import Model


def describe(
    model: Model, sources: Mapping[str, Volume], preprocessed: Preprocessed, grid: Grid
) -> dict[str, Any]:
    """Return how a volume came about, JSON-able.

    Args:
        model: that made it, with the passes that were asked for.
        sources: volumes by modality.
        preprocessed: the same on the working grid.
        grid: of the synthetic volume.
    """
    preprocessing = model.preprocessing
    present = preprocessing.present(sources)
    missing = [name for name in preprocessing.sources if name not in present]
    return {
        "synthetic": True,
        "intended_use": INTENDED_USE,
        "tool": {"name": "transmodal", "version": __version__},
        **_describe_model(model),
        "sources": {name: _describe_volume(sources[name]) for name in present},
        "missing_sources": missing,
        **_describe_way(preprocessing, preprocessed, grid),
        **_describe_statistics(model),
        "fill_outside_region": preprocessing.fill,
        "environment": environment.describe(model.translator, model.device),
        "notes": [
            *(f"synthesised without {name}: the case has none" for name in missing),
            *_random_weights(model),
            *_resolution(preprocessing.spacing_mm, grid.spacing),
            *_padding(model, preprocessed.grid.shape),
            *_foreign_axes(model),
            *_foreign_flips(model),
        ],
    }


def add_engine(content: dict[str, Any], engine: Engine, request: str) -> None:
    """Add which engine computed to a record: the name to take for the same again, its version, how near it is to torch.

    Args:
        content: of the translation; changed in place.
        engine: that computed it.
        request: the engine that was asked for.
    """
    choice = dict(engine.record()) if isinstance(engine, SupportsRecord) else {"name": request}
    name = choice.pop("name")
    if name != engines.DEFAULT:
        content["engine"] = name
        content["environment"]["versions"] |= {name: choice["version"]} if "version" in choice else {}
    if choice:
        content["engine_choice"] = {"request": request, **choice}
    if "fallback" in choice:
        content["notes"].append(f"translated by {name}: {choice['fallback']}")


def smaller_batches(preprocessing: Preprocessing, batch: int) -> list[str]:
    """Return a note where fewer windows were translated at a time than the recipe says."""
    if batch >= preprocessing.batch:
        return []
    return [
        f"memory did not suffice for {preprocessing.batch} windows at a time: translated by {batch}, which changes "
        "values by no more than rounding"
    ]


def _random_weights(model: Model) -> list[str]:
    digests = {name: frozen.digest() for name, frozen in model.translator.frozen().items()}
    random = sorted(name for name, digest in digests.items() if digest.startswith(RANDOM))
    return [f"{name} has random weights: this shows the plumbing only" for name in random]


def _resolution(spacing_mm: float | None, native: tuple[float, float, float]) -> list[str]:
    """Say where the source is coarser than the recipe's spacing, or finer."""
    if spacing_mm is None:
        return []
    notes = []
    if max(native) > 1.05 * spacing_mm:
        notes.append(
            f"the source's spacing {_in_mm(native)} mm is coarser{_where(native, spacing_mm)} than the recipe's {spacing_mm:g} mm: "
            "the synthetic volume has no more detail than the source"
        )
    if min(native) < 0.95 * spacing_mm:
        notes.append(
            f"synthesised at {spacing_mm:g} mm and resampled to {_in_mm(native)} mm: "
            "the output's grid is not its resolution"
        )
    return notes


def _where(native: tuple[float, float, float], spacing_mm: float) -> str:
    """Return the words for a spacing that is coarser along some axes alone."""
    return "" if min(native) > 1.05 * spacing_mm else " along an axis"


def _padding(model: Model, shape: tuple[int, ...]) -> list[str]:
    if not model.exceeds_training_window(shape):
        return []
    return [
        f"slices of a volume of {_sides(shape)} voxels are larger than the windows of training, "
        f"{_sides(model.preprocessing.cutting.size or ())}: what depends on the padding around a slice sees another one"
    ]


def _foreign_axes(model: Model) -> list[str]:
    """Say where slices are translated along axes whose slices the run has not learned from."""
    learned = model.recipe.windows.axes
    foreign = [axis for axis in AXES if AXES[axis] in model.preprocessing.axes and axis not in learned]
    if not foreign or not model.has_axes:
        return []
    return [
        f"slices along {', '.join(foreign)}: the run learned from slices along {', '.join(learned)} alone, "
        "and others can make the volume worse"
    ]


def _foreign_flips(model: Model) -> list[str]:
    """Say where the volume is mirrored along axes along which no window of training was."""
    is_learned = model.recipe.training.augment.flip_lr
    flips = model.preprocessing.flips
    foreign = [axis for axis in AXES if AXES[axis] in flips and not (axis == "x" and is_learned)]
    if not foreign:
        return []
    return [
        f"mirrored along {', '.join(foreign)}: the run learned from no windows that were mirrored so, and such passes "
        "can make the volume worse"
    ]


def _describe_model(model: Model) -> dict[str, Any]:
    """Return which weights translate: recipe, translator and checkpoint."""
    fingerprint = {} if model.fingerprint is None else model.fingerprint.to_json()
    return {
        "recipe": model.recipe.name,
        "translator": model.recipe.translator,
        "checkpoint": {**fingerprint, "weights_sha256": model.digest, **model.provenance},
    }


def _describe_way(preprocessing: Preprocessing, preprocessed: Preprocessed, grid: Grid) -> dict[str, Any]:
    """Return the way from the sources to the target: unit, region, grids, windows and passes."""
    working, cutting = preprocessed.grid, preprocessing.cutting
    unit = preprocessing.units.get(preprocessing.target)
    return {
        "target": preprocessing.target,
        **({} if unit is None else {"unit": unit}),
        "region": {
            "kind": preprocessing.region,
            "method": preprocessed.method,
            "voxels": int(preprocessed.region.sum()),
        },
        "working_grid": {"shape": list(working.shape), "spacing_mm": list(working.spacing)},
        "output_grid": {"shape": list(grid.shape), "affine": grid.affine.tolist()},
        "windows": {"kind": cutting.kind, "size": list(cutting.size or ())},
        "passes": passes(preprocessing),
    }


def _describe_statistics(model: Model) -> dict[str, Any]:
    """Return what batch normalisation takes; nothing of a translator without."""
    statistics = model.translator.translates_with()
    return {"translate_with": statistics} if statistics else {}


def _describe_volume(volume: Volume) -> dict[str, Any]:
    return {
        "shape": list(volume.grid.shape),
        "spacing_mm": [round(value, 6) for value in volume.spacing],
        "orientation": volume.orientation,
        "voxels_sha256": hashlib.sha256(np.ascontiguousarray(volume.voxels).tobytes()).hexdigest(),
        "affine_sha256": binding.of_affine(volume.affine),
    }


def _sides(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _in_mm(spacing: tuple[float, float, float]) -> str:
    return " x ".join(f"{value:.3g}" for value in spacing)
