"""The page that lies beside an artefact: how to run it, and its parity in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transmodal.counts import counted
from transmodal.metrics import registry
from transmodal.notice import INTENDED_USE

_RUN = {
    "onnx": "`onnxruntime.InferenceSession('model.onnx').run(None, {'source': windows})`",
    "openvino": "`openvino.Core().compile_model('model.xml', 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})([windows])`",
    "torch": "`torch.export.load('model.pt2').module()(windows)`; torch alone, without Transmodal",
    "bundle": "see `docs/README.md`",
}


def list_sources(description: Mapping[str, Any]) -> list[str]:
    """Return the modalities that an artefact takes, and the plane of its slices where it is told that."""
    channels = description["input"]["channels"]
    modalities = list(dict.fromkeys(channel["modality"] for channel in channels if "modality" in channel))
    return modalities + (
        ["the plane of the slices"] if any("plane" in channel for channel in channels) else []
    )


def write_page(description: Mapping[str, Any], parity: Mapping[str, Any]) -> str:
    """Return the page, Markdown.

    Args:
        description: as `metadata.json` holds it.
        parity: as `parity.json` holds it.
    """
    source, after = description["input"], description["after"]
    return "\n".join(
        [
            f"# {description['recipe']} as {description['form']}",
            INTENDED_USE,
            "",
            f"Run it: {_RUN[description['form']]}. `windows` is float32 of {_sides(source['shape'])} in -1 to 1, "
            f"from {', '.join(list_sources(description))}; what comes out "
            f"is {after['target']} before its map to {after['unit'] or 'reference units'}. `metadata.json` says how "
            "volumes become windows and windows a volume.",
            "",
            "## Parity with the library",
            *_parity_lines(parity),
            "",
        ]
    )


def _parity_lines(parity: Mapping[str, Any]) -> list[str]:
    windows, volume, latency = parity["windows"], parity["volume"], parity["latency"]
    figures = "; ".join(f"{_title(row)} {_figure(row['value'], row['unit'])}" for row in volume["metrics"])
    return [
        f"Test volume: {parity['test_volume']['words']}; {_sides(volume['shape'])} voxels.",
        "",
        "| | |",
        "|---|---|",
        f"| windows compared | {windows['count']} |",
        f"| largest difference of a window, of an output {windows['output_width']:g} wide | "
        f"{windows['largest_difference']:.2g} (at most {windows['tolerance']:.2g}) |",
        f"| largest difference of the volume | {volume['largest_difference']:.3g} {volume['unit']} |",
        f"| metrics against the library's volume | {figures} |",
        f"| seconds per window, by this and by torch | {latency['seconds_per_window']:.3g}, "
        f"{latency['torch_seconds_per_window']:.3g} |",
        f"| measured on | {counted(latency['threads'], 'thread')} of {counted(latency['cores'], 'core')}, {latency['machine']} "
        f"{latency['instructions']}, {latency['system']}, {latency['device']}, load {latency['load']} |",
    ]


def _title(row: Mapping[str, Any]) -> str:
    """Return a metric's name, with its dimensions where it is taken in several."""
    dims = [part[:2] for part in row["protocol"].split("; ") if part[:2] in {"2D", "3D"}]
    is_of_several = len(registry.find(row["metric"]).dims) > 1
    return " ".join([row["metric"], *dims[:1]]) if is_of_several else str(row["metric"])


def _figure(value: float | str, unit: str) -> str:
    """Return a figure with its unit; words, such as those of an infinite one, stand alone."""
    if isinstance(value, str):
        return value
    return f"{value:.4g}{'' if unit == '1' else f' {unit}'}"


def _sides(shape: list[Any]) -> str:
    return " x ".join(map(str, shape))
