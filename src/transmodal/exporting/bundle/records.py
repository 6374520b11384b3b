"""The records of a bundle: MONAI's `metadata.json`, the parity report, and `docs/README.md`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from transmodal._version import __version__
from transmodal.notice import INTENDED_USE
from transmodal.storage import files

_SCHEMA = (
    "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"
)


def write_metadata(folder: Path, description: Mapping[str, Any], *, needs_library: bool) -> None:
    """Write `configs/metadata.json`, in MONAI's words, with the description of the model under `transmodal`.

    Args:
        folder: the bundle's.
        description: of the model.
        needs_library: whether it translates by Transmodal.
    """
    own = {"transmodal": __version__} if needs_library else {}
    source, output = description["input"], description["output"]
    files.write_json(
        folder / "configs" / "metadata.json",
        {
            "schema": _SCHEMA,
            "version": "0.1.0",
            "changelog": {"0.1.0": "exported by transmodal"},
            "monai_version": metadata.version("monai"),
            "pytorch_version": metadata.version("torch").partition("+")[0],
            "numpy_version": metadata.version("numpy"),
            "required_packages_version": {"nibabel": metadata.version("nibabel"), **own},
            "name": description["recipe"],
            "task": f"synthesis of {description['after']['target']}",
            "description": f"{description['translator']}, exported by transmodal {__version__}.",
            "intended_use": INTENDED_USE,
            "authors": "see MODEL_CARD.md",
            "copyright": "see MODEL_CARD.md",
            "network_data_format": {
                "inputs": {"image": _data_format(source, needs_library=needs_library)},
                "outputs": {"pred": _data_format(output, needs_library=needs_library)},
            },
            "transmodal": dict(description),
        },
    )


def write_report(
    folder: Path, description: Mapping[str, Any], report: Mapping[str, Any], reason: str
) -> None:
    """Write `parity.json` and `docs/README.md`.

    Args:
        folder: the bundle's.
        description: of the model.
        report: of its parity.
        reason: why it needs Transmodal; empty where MONAI and torch do.
    """
    hashes = {
        path.relative_to(folder).as_posix(): files.sha256_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    head = {
        "intended_use": INTENDED_USE,
        "form": "bundle",
        "needs_transmodal": reason or False,
        "files": hashes,
    }
    files.write_json(folder / "parity.json", {**head, **report})
    (folder / "docs" / "README.md").write_text(_page(description, report, reason), encoding="utf-8")


def _data_format(tensor: Mapping[str, Any], *, needs_library: bool) -> dict[str, Any]:
    channels, *sides = tensor["shape"][1:]
    return {
        "type": "image",
        "format": "magnitude",
        "num_channels": channels,
        "spatial_shape": ["*"] * len(sides) if needs_library else sides,
        "dtype": "float32",
        "value_range": tensor["range"] or [],
        "is_patch_data": True,
        "channel_def": {str(n): "image" for n in range(channels)},
    }


def _page(description: Mapping[str, Any], report: Mapping[str, Any], reason: str) -> str:
    channels = description["input"]["channels"]
    sources = list(dict.fromkeys(channel["modality"] for channel in channels if "modality" in channel))
    words = " ".join(f"--{name} /data/{name}.nii.gz" for name in sources)
    needs = (
        f"It needs MONAI and Transmodal {__version__}, by which it translates: {reason}."
        if reason
        else "It needs MONAI, PyTorch, nibabel and fire; not Transmodal. It has no gate: it translates whatever it is given."
    )
    after = description["after"]
    return "\n".join(
        [
            f"# {description['recipe']}",
            INTENDED_USE,
            "",
            f"Translates {', '.join(sources)} to {after['target']} ({after['unit'] or 'reference units'}). In this "
            "folder's root:",
            "```",
            f"python -m monai.bundle run --config_file configs/inference.json {words} --output_dir /data/synthetic",
            "```",
            f"{needs} The image is synthetic, and its name says so.",
            "",
            "## Parity with the library",
            f"Test volume: {report['test_volume']['words']}. Largest difference {report['largest_difference']:.3g}, mean "
            f"{report['mean_difference']:.3g} (at most {report['tolerance']:.3g}), {report['seconds_in_all']} s in all, "
            "the start of Python included. `MODEL_CARD.md` has data, figures, limits and licences.",
            "",
        ]
    )
