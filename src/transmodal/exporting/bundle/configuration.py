"""The configuration of a bundle, `configs/inference.json`: by MONAI's own parts, or by this library."""

from __future__ import annotations

from typing import Any

from transmodal.inference.model import Model
from transmodal.inference.preprocessing import Preprocessing
from transmodal.modalities import modality_of
from transmodal.notice import INTENDED_USE


def obstacle(preprocessing: Preprocessing) -> str:
    """Return why MONAI's own parts do not do what the library does; nothing where they do."""
    cutting = preprocessing.cutting
    colour = [name for name in preprocessing.sources if preprocessing.channels_of(name) > 1]
    reasons = {
        "its region is not the whole volume, and is found by Transmodal": preprocessing.region != "whole",
        "it resamples to a spacing of its own, as Transmodal does": preprocessing.spacing_mm is not None,
        "its windows are not padded slices": cutting.kind != "slice" or cutting.fit != "pad",
        "its passes are fused by the median": preprocessing.fuse != "mean" and len(preprocessing.axes) > 1,
        "it is told the plane of its slices": preprocessing.plane_channels,
        "it is of colour": bool(colour) or modality_of(preprocessing.target).is_colour,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def by_library(preprocessing: Preprocessing) -> dict[str, Any]:
    """Return the configuration of a bundle that translates by Transmodal."""
    sources = ", ".join(f"'{name}': @{name}" for name in preprocessing.sources)
    return {
        "imports": ["$import transmodal"],
        **_head(preprocessing),
        "run": [
            f"$transmodal.translate(@bundle_root + '/models/model.tmz', {{{sources}}}, "
            f"@output_dir + '/{_name(preprocessing)}.nii.gz', gate=@gate)"
        ],
    }


def by_monai(fixed: Model) -> dict[str, Any]:
    """Return the configuration of a bundle that translates by MONAI's transforms and inferer alone."""
    preprocessing = fixed.preprocessing
    keys = list(preprocessing.sources)
    sources = ", ".join(f"'{name}': @{name}" for name in keys)
    names = [f"inferer_{axis}" for axis in preprocessing.axes]
    passes = ", ".join(f"@{name}(@source, @network)" for name in names)
    return {
        "imports": ["$import torch"],
        **_head(preprocessing),
        "network": "$torch.export.load(@bundle_root + '/models/model.pt2').module()",
        "preprocessing": {
            "_target_": "Compose",
            "transforms": [
                {
                    "_target_": "LoadImaged",
                    "keys": keys,
                    "reader": "NibabelReader",
                    "ensure_channel_first": True,
                },
                {"_target_": "Orientationd", "keys": keys, "axcodes": "RAS"},
                *(_scaling(preprocessing, name) for name in keys),
                {"_target_": "Lambdad", "keys": keys, "func": _check(fixed)},
            ],
        },
        "data": f"$@preprocessing({{{sources}}})",
        "source": f"$torch.cat([@data[name] for name in {keys}])[None].as_tensor()",
        **{name: _inferer(fixed, axis) for name, axis in zip(names, preprocessing.axes, strict=True)},
        "prediction": f"$torch.stack([{passes}]).mean(0)[0]",
        "postprocessing": {
            "_target_": "Compose",
            "transforms": [
                {
                    "_target_": "Invertd",
                    "keys": "synthetic",
                    "transform": "@preprocessing",
                    "orig_keys": keys[0],
                    "nearest_interp": True,
                },
                {"_target_": "Lambdad", "keys": "synthetic", "func": _inverse(preprocessing)},
                {
                    "_target_": "SaveImaged",
                    "keys": "synthetic",
                    "output_dir": "@output_dir",
                    "output_postfix": _name(preprocessing),
                    "output_dtype": f"${_storage(preprocessing)!r}",
                    "resample": False,
                    "separate_folder": False,
                },
            ],
        },
        "run": [
            "$torch.set_grad_enabled(False)",
            f"$@postprocessing({{**@data, 'synthetic': @data['{keys[0]}'].__class__(@prediction)}})",
        ],
    }


def _head(preprocessing: Preprocessing) -> dict[str, Any]:
    """Return the words that a call may change: an image for each source, where to write, and the gate."""
    return {
        "bundle_root": ".",
        "intended_use": INTENDED_USE,
        **{name: f"{name}.nii.gz" for name in preprocessing.sources},
        "output_dir": "output",
        "gate": "refuse",
    }


def _scaling(preprocessing: Preprocessing, name: str) -> dict[str, Any]:
    spec = preprocessing.specs[name]
    ends = {"b_min": -1.0, "b_max": 1.0, "clip": True}
    parts: dict[str, dict[str, Any]] = {
        "window": {"_target_": "ScaleIntensityRanged", "a_min": spec.low, "a_max": spec.high, **ends},
        "percentile": {
            "_target_": "ScaleIntensityRangePercentilesd",
            "lower": spec.low,
            "upper": spec.high,
            **ends,
        },
        "minmax": {"_target_": "ScaleIntensityd", "minv": -1.0, "maxv": 1.0},
        "zscore": {"_target_": "NormalizeIntensityd"},
    }
    return {**parts[spec.method], "keys": name}


def _check(fixed: Model) -> str:
    """Return a function that refuses a volume whose slices the windows do not hold: MONAI would cut them up."""
    rows, columns = fixed.preprocessing.cutting.size or (0, 0)
    planes = {0: "(x.shape[2], x.shape[3])", 1: "(x.shape[1], x.shape[3])", 2: "(x.shape[1], x.shape[2])"}
    fits = " and ".join(
        f"{planes[axis]}[0] <= {rows} and {planes[axis]}[1] <= {columns}" for axis in fixed.preprocessing.axes
    )
    return (
        f"$lambda x: (torch._assert({fits}, 'slices of more than {rows} x {columns}: export the run with a larger "
        "--window'), x)[1]"
    )


def _inferer(fixed: Model, axis: int) -> dict[str, Any]:
    return {
        "_target_": "SliceInferer",
        "spatial_dim": axis,
        "roi_size": list(fixed.preprocessing.cutting.size or ()),
        "sw_batch_size": fixed.preprocessing.batch,
        "overlap": 0.0,
        "padding_mode": "constant",
        "cval": -1.0,
    }


def _inverse(preprocessing: Preprocessing) -> str:
    """Return a function from the network's output to values with a unit, rounded where the target is whole."""
    target_map, bounds = preprocessing.target_map, preprocessing.bounds
    values = f"(x.double() - {target_map.offset!r}) / {target_map.scale!r}"
    if target_map.range != "free":
        values = _clipped(values, target_map.low, target_map.high)
    values = f"{_clipped(values, bounds.low, bounds.high)}.float()"
    return f"$lambda x: {values}.round()" if _storage(preprocessing) != "float32" else f"$lambda x: {values}"


def _clipped(values: str, low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return f"({values})"
    return f"torch.clip({values}, {low!r}, {high!r})"


def _storage(preprocessing: Preprocessing) -> str:
    """Return the type of the values in the file; another unit than the modality's own is not rounded."""
    is_own = preprocessing.target not in preprocessing.units
    return modality_of(preprocessing.target).storage if is_own else "float32"


def _name(preprocessing: Preprocessing) -> str:
    return f"synthetic_{preprocessing.target}"
