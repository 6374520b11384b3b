"""Write what a translation gives: images that say that they are synthetic, each with a sidecar of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from transmodal._version import __version__
from transmodal.errors import UsageError
from transmodal.inference.names import sidecar_of, spread_of
from transmodal.inference.translate import Translation
from transmodal.storage import files
from transmodal.volumes import io

SPREADS = ("plane_disagreement", "disagreement")
"""What stands behind the name of an image that says where passes disagree: planes alone, or draws as well."""


def write(translation: Translation, path: Path, known: Mapping[str, object], *, disagreement: bool) -> None:
    """Write the volume, the spread over the passes on request, and a sidecar for each that is bound to it by SHA-256.

    Args:
        translation: what was made.
        path: of the volume.
        known: what the sidecar says besides how the volume came about, such as the sources' hashes.
        disagreement: write the spread.

    Raises:
        UsageError: E004 when the spread is asked for but there was one pass.
    """
    spread = translation.disagreement
    if disagreement and spread is None:
        raise UsageError(
            "E004",
            "--disagreement with one pass",
            "several axes, or draws of noise",
            "Add --axes x,y,z, or --draws N where the translator draws noise, or leave it out.",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {**translation.record, **known}
    target = translation.record["target"]
    marker = f"SYNTHETIC {target}, transmodal {__version__}"
    record["image"] = {
        "name": path.name,
        "sha256": io.write(translation.volume, path, description=marker),
    }
    if disagreement and spread is not None:
        what = "disagreement" if "draws" in translation.record["passes"] else "plane_disagreement"
        beside = spread_of(path, what)
        marker = f"SYNTHETIC {target}: {what.replace('_', ' ')}, transmodal {__version__}"
        record[what] = {"name": beside.name, "sha256": io.write(spread, beside, description=marker)}
        own = {
            **{
                key: translation.record[key]
                for key in ("synthetic", "intended_use", "tool", "target", "passes")
            },
            "shows": f"standard deviation over the passes that became {path.name}, in its unit",
            "image": record[what],
            "of": record["image"],
        }
        files.write_json(sidecar_of(beside), own)
    files.write_json(sidecar_of(path), record)
