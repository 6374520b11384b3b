"""The description of a graph, `metadata.json`: all that a program needs to feed it and to read its output."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from transmodal._version import __version__
from transmodal.exporting.window import shape_of
from transmodal.inference.model import Model
from transmodal.inference.preprocessing import AXES, Preprocessing
from transmodal.modalities import modality_of
from transmodal.notice import INTENDED_USE

FORMAT = 1
_ENDS = {"signed": [-1.0, 1.0], "unit": [0.0, 1.0], "free": None}


def describe(fixed: Model, form: str) -> dict[str, Any]:
    """Return the description of a model with a window of one shape, JSON-able.

    Args:
        fixed: the model.
        form: that it is exported as.
    """
    translator = fixed.translator
    fingerprint = {} if fixed.fingerprint is None else fixed.fingerprint.to_json()
    shape = shape_of(fixed)
    return {
        "format": FORMAT,
        "form": form,
        "intended_use": INTENDED_USE,
        "recipe": fixed.recipe.name,
        "translator": fixed.recipe.translator,
        "checkpoint": {**fingerprint, "weights_sha256": fixed.digest},
        "input": {
            "name": "source",
            "shape": ["batch", *shape],
            "type": "float32",
            "range": [-1.0, 1.0],
            "channels": _channels(fixed.preprocessing),
        },
        "output": {
            "name": "synthetic",
            "shape": ["batch", translator.config.target_channels, *shape[1:]],
            "type": "float32",
            "range": _ENDS[translator.output_range],
        },
        "before": _before(fixed.preprocessing),
        "after": _after(fixed.preprocessing),
        "versions": {"transmodal": __version__},
    }


def _channels(preprocessing: Preprocessing) -> list[dict[str, Any]]:
    """Return which source, which of its channels and which slice of a slab each channel of the input is, or which plane."""
    half = preprocessing.cutting.depth // 2
    sources: list[dict[str, Any]] = [
        {"modality": source, "channel": channel, "slice": offset}
        for source in preprocessing.sources
        for channel in range(preprocessing.channels_of(source))
        for offset in range(-half, half + 1)
    ]
    planes = [{"plane": axis, "value": "1 in slices along this axis, else 0"} for axis in AXES]
    return sources + (planes if preprocessing.plane_channels else [])


def _before(preprocessing: Preprocessing) -> dict[str, Any]:
    """Return the way from source volumes to windows."""
    cutting, letters = preprocessing.cutting, {number: letter for letter, number in AXES.items()}
    is_patch = cutting.kind == "patch"
    return {
        "orientation": "RAS",
        "spacing_mm": preprocessing.spacing_mm,
        "region": preprocessing.region,
        "intensity": {name: asdict(spec) for name, spec in preprocessing.specs.items()},
        "intensity_is": "values from low to high become -1 to 1, clipped; percentiles are of the voxels inside the "
        "region, and a z-score is not clipped",
        "outside_region": -1.0,
        "beyond_volume": -1.0,
        "windows": {
            "kind": cutting.kind,
            "size": list(cutting.size or ()),
            "fit": cutting.fit,
            "depth": cutting.depth,
            "overlap": cutting.overlap if is_patch else None,
            "axes": None if is_patch else [letters[axis] for axis in preprocessing.axes],
            "sides": "axis x has sides J, K; y I, K; z I, J; padded evenly, an odd voxel at the far end",
        },
    }


def _after(preprocessing: Preprocessing) -> dict[str, Any]:
    """Return the way from windows to the synthetic volume."""
    modality = modality_of(preprocessing.target)
    return {
        "target": preprocessing.target,
        "unit": preprocessing.units.get(preprocessing.target, modality.unit),
        "fuse": preprocessing.fuse,
        "map": preprocessing.target_map.to_json(),
        "map_is": "value = (output - offset) / scale, clipped to low and high unless the range is free",
        "bounds": preprocessing.bounds.to_json(),
        "fill_outside_region": preprocessing.fill,
        "type": modality.storage,
    }
