"""The plan of a page: all that its scripts are told of a run."""

from __future__ import annotations

from typing import Any

import numpy as np

from transmodal._version import __version__
from transmodal.inference.model import Model
from transmodal.modalities import modality_of
from transmodal.publishing.example import Example
from transmodal.publishing.network import PageGraph
from transmodal.publishing.runtime import Runtime
from transmodal.viewing.layers import WindowPreset, modality_windows
from transmodal.volumes.intensity import IntensityMap

_MISSING = (
    "No gate: transmodal translate looks whether a source is like those of training, and refuses it where it is not; this "
    "page does not. No sidecar is written. Between this page and transmodal translate the last digits can differ."
)

UNCHECKED = (
    "Not looked at here: whether the image is like those of training, as transmodal translate does before it translates. "
    "Of another contrast the network makes something, too."
)


def build_plan(model: Model, graph: PageGraph, example: Example | None, runtime: Runtime) -> dict[str, Any]:
    """Return what the page's scripts are told, JSON-able.

    Args:
        model: whose page it is.
        graph: of its network.
        example: that the page brings along.
        runtime: that computes the network.
    """
    preprocessing = model.preprocessing
    cutting = preprocessing.cutting
    return {
        "sources": [_source(model, name) for name in preprocessing.sources],
        "target": _target(model),
        "spacing_mm": preprocessing.spacing_mm,
        "unchecked": UNCHECKED,
        "regions": _regions(model, has_example=example is not None),
        "axes": list(preprocessing.axes),
        "fuse": preprocessing.fuse,
        "cutting": {
            "size": list(cutting.size) if cutting.size else None,
            "fit": cutting.fit,
            "depth": cutting.depth,
            "multiple": cutting.multiple,
        },
        "kinds": list(runtime.parts),
        "sides": list(graph.sides) if graph.sides else None,
        "probe": {"dims": list(graph.probe.source.shape), "tolerance": graph.probe.tolerance},
        "example": None if example is None else {"region": example.region is not None},
        "description": f"SYNTHETIC {preprocessing.target}, transmodal {__version__}, page",
        "about": _about(model, graph, example, runtime.name),
    }


def title_of(model: Model) -> str:
    """Return the title of a model's page, such as `T1 to FA`."""
    sources = ", ".join(modality_of(name).label for name in model.preprocessing.sources)
    return f"{sources} to {modality_of(model.preprocessing.target).label}"


def _source(model: Model, name: str) -> dict[str, Any]:
    spec = model.preprocessing.specs[name]
    intensity = {"method": spec.method, "low": spec.low, "high": spec.high}
    return {
        "name": name,
        "label": modality_of(name).label,
        "is_hounsfield": modality_of(name).unit == "HU",
        "intensity": intensity,
    }


def _target(model: Model) -> dict[str, Any]:
    preprocessing = model.preprocessing
    modality, target_map = modality_of(preprocessing.target), preprocessing.target_map
    is_in_unit = preprocessing.target not in preprocessing.units
    return {
        "name": modality.name,
        "label": modality.label,
        "unit": modality.unit if is_in_unit else preprocessing.units[preprocessing.target],
        "storage": modality.storage if is_in_unit else "float32",
        "map": target_map.to_json(),
        "bounds": preprocessing.bounds.to_json(),
        "fill": preprocessing.fill,
        "windows": [window._asdict() for window in _windows(modality.name if is_in_unit else "", target_map)],
    }


def _windows(modality: str, target_map: IntensityMap) -> list[WindowPreset]:
    """Return the modality's windows, and the range that the map inverts [-1, 1] to, which nearly all values lie in."""
    low, high = (float(end) for end in target_map.invert(np.array([-1.0, 1.0])))
    return [*modality_windows(modality, low), WindowPreset("range of training", low, high)]


def _regions(model: Model, *, has_example: bool) -> list[dict[str, str]]:
    """Return what can be taken for the region, and how each differs from what the run was trained in.

    The scripts find a body as the library does; a brain takes a registration, which is the library's alone.
    """
    region = model.preprocessing.region.replace("_", " ")
    whole = {"kind": "whole", "label": "the whole volume", "difference": ""}
    if region == "whole":
        return [whole]
    differs = f"Differs from transmodal translate, which finds the {region} by itself: "
    choices = [
        {
            "kind": "file",
            "label": f"a mask of the {region}",
            "difference": differs + "here your mask counts.",
        },
        {
            "kind": "nonzero",
            "label": "what is not 0",
            "difference": differs + "here all that is not 0 counts, which fits images without a skull.",
        },
        whole | {"difference": differs + "here the whole volume counts, and intensities are scaled by it."},
    ]
    if region == "body":
        choices.insert(0, {"kind": "body", "label": "the body, as it is found", "difference": ""})
    example = {"kind": "example", "label": f"the example's {region}", "difference": ""}
    return [*choices, example] if has_example else choices


def _about(model: Model, graph: PageGraph, example: Example | None, runtime: str) -> list[tuple[str, str]]:
    sides = "any" if graph.sides is None else " x ".join(map(str, graph.sides))
    spacing = model.preprocessing.spacing_mm
    return [
        ("run", f"{model.recipe.name}, {model.recipe.translator}"),
        ("weights", f"SHA-256 {model.digest}"),
        ("works at", f"{spacing:g} mm" if spacing else "the source's spacing"),
        ("windows", f"{sides} pixels"),
        ("example", example.origin if example else "none"),
        ("made by", f"transmodal {__version__}"),
        ("computed by", runtime),
        ("not here", _MISSING),
    ]
