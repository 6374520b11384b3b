"""Compare two dose volumes of a planning system."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transmodal.commands._reading import (
    AssumeOrientation,
    Frame,
    Nonfinite,
    NonfiniteVoxels,
    OrientationFrom,
    reading_of,
)

if TYPE_CHECKING:
    from transmodal.metrics.regions.dose import Criterion

EXAMPLES = (
    "Examples:\n\ntransmodal dose dose_ct.nii.gz dose_sct.nii.gz -o dose.json\n\n"
    "transmodal dose dose_ct.nii.gz dose_sct.nii.gz --structures organs.nii.gz --criterion 3%/3mm "
    "--normalisation local --at-least 20 --at-least 45"
)


class Normalisation(StrEnum):
    """What per cents of dose are of."""

    GLOBAL = "global"
    LOCAL = "local"


def run(
    reference: Annotated[Path, typer.Argument(help="Dose on the measured image, in Gy.")],
    evaluated: Annotated[Path, typer.Argument(help="Dose on the synthetic image, in Gy, on the same grid.")],
    structures: Annotated[
        Path | None, typer.Option(help="Label map on the same grid: histograms and pass rates per structure.")
    ] = None,
    criterion: Annotated[
        str, typer.Option(help="Tolerated difference and distance, such as 2%/2mm.")
    ] = "2%/2mm",
    cutoff: Annotated[
        str, typer.Option(help="Points below this share of the normalisation dose do not count.")
    ] = "10%",
    normalisation: Annotated[
        Normalisation, typer.Option(help="Per cent of one dose, or of the reference's at the point.")
    ] = Normalisation.GLOBAL,
    prescription: Annotated[
        float | None, typer.Option(help="Normalisation dose in Gy; by default the reference's maximum.")
    ] = None,
    at_least: Annotated[
        list[float] | None,
        typer.Option(help="Dose in Gy: what share of a structure gets as much; repeatable."),
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="JSON file to write.")] = None,
    gamma_map: Annotated[
        Path | None,
        typer.Option(help="Image of gamma to write; 0 where a point does not count."),
    ] = None,
    nonfinite: NonfiniteVoxels = Nonfinite.REFUSE,
    orientation_from: OrientationFrom = None,
    assume_orientation: AssumeOrientation = None,
    frame: Frame = None,
) -> None:
    """Compare two doses by gamma and dose-volume histograms. The doses are yours: none is computed here."""
    import numpy as np

    from transmodal.evaluation.doses import compare_doses
    from transmodal.storage import files, outputs
    from transmodal.volumes import io

    for path in (output, gamma_map):
        if path is not None:
            outputs.check_file(path)
    rule = _criterion(criterion, cutoff, normalisation.value, prescription)
    reading = reading_of(nonfinite, orientation_from, assume_orientation, frame)
    dose, other_dose = (reading.fitted(path).read(path) for path in (reference, evaluated))
    labels = None if structures is None else reading.fitted(structures).read(structures)
    found = compare_doses(dose, other_dose, labels, rule, at_least_gy=at_least or ())
    record = found.to_json()
    named = {"reference": reference, "evaluated": evaluated, "structures": structures}
    record["inputs"] = {
        name: {"name": path.name, "sha256": files.sha256_file(path)}
        for name, path in named.items()
        if path is not None and path.is_file()
    }
    if gamma_map is not None:
        gamma_map.parent.mkdir(parents=True, exist_ok=True)
        volume = dose.with_voxels(np.nan_to_num(found.gamma.values, nan=0.0))
        record["gamma_map"] = {"name": gamma_map.name, "sha256": io.write(volume, gamma_map)}
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(output, record)
    print(found.text())


def _criterion(words: str, cutoff: str, normalisation: str, prescription: float | None) -> Criterion:
    import re

    from transmodal.errors import UsageError
    from transmodal.metrics.regions.dose import Criterion

    number = r"(\d+(?:\.\d+)?)"
    pair = re.fullmatch(rf"{number}\s*%\s*/\s*{number}\s*mm", words.strip())
    share = re.fullmatch(rf"{number}\s*%", cutoff.strip())
    if pair is None or share is None:
        raise UsageError(
            "E001",
            f"--criterion {words} --cutoff {cutoff}",
            "such as 2%/2mm, and 10%",
            "Write the units, without spaces.",
        )
    return Criterion(
        float(pair[1]),
        float(pair[2]),
        float(share[1]),
        "local" if normalisation == "local" else "global",
        prescription,
    )
