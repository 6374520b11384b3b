"""Compare two dose volumes of a planning system."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transmodal.commands._groups import grouped
from transmodal.commands._reading import ReadingWords

if TYPE_CHECKING:
    from transmodal.metrics.regions.dose import Criterion

EXAMPLES = (
    "Examples:\n\ntransmodal dose dose_ct.nii.gz dose_sct.nii.gz -o dose.json\n\n"
    "transmodal dose rtdose_ct rtdose_sct --structures rtstruct.dcm --dvh dvh.svg          (DICOM: a folder for each dose)\n\n"
    "transmodal dose dose_ct.nii.gz dose_sct.nii.gz --structures organs.nii.gz --criterion 3%/3mm "
    "--normalisation local --at-least 20 --at-least 45"
)


class Normalisation(StrEnum):
    """The dose that per cents are of: one for all points, or the reference's at each point."""

    GLOBAL = "global"
    LOCAL = "local"


ReferenceDose = Annotated[Path, typer.Argument(help="Dose on the measured image, in Gy.")]
EvaluatedDose = Annotated[Path, typer.Argument(help="Dose on the synthetic image, in Gy, on the same grid.")]
Structures = Annotated[
    Path | None,
    typer.Option(
        help="Label map on the same grid, or a DICOM structure set (RTSTRUCT): histograms and pass rates per structure."
    ),
]
Tolerance = Annotated[str, typer.Option(help="Tolerated difference and distance, such as 2%/2mm.")]
CutOff = Annotated[str, typer.Option(help="Points below this share of the normalisation dose do not count.")]
PerCentOf = Annotated[
    Normalisation, typer.Option(help="Per cent of one dose, or of the reference's at the point.")
]
Prescription = Annotated[
    float | None, typer.Option(help="Normalisation dose in Gy; by default the reference's maximum.")
]
AtLeast = Annotated[
    list[float] | None,
    typer.Option(help="Dose in Gy: what share of a structure gets as much; repeatable."),
]
GammaMap = Annotated[
    Path | None, typer.Option(help="Image of gamma to write; 0 where a point does not count.")
]

DvhDrawing = Annotated[Path | None, typer.Option("--dvh", help="SVG of the structures' histograms to write.")]


@grouped
def run(
    reference: ReferenceDose,
    evaluated: EvaluatedDose,
    structures: Structures = None,
    criterion: Tolerance = "2%/2mm",
    cutoff: CutOff = "10%",
    normalisation: PerCentOf = Normalisation.GLOBAL,
    prescription: Prescription = None,
    at_least: AtLeast = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="JSON file to write.")] = None,
    gamma_map: GammaMap = None,
    dvh: DvhDrawing = None,
    *,
    reading: ReadingWords,
) -> None:
    """Compare two doses by gamma and dose-volume histograms. The doses are yours: none is computed here."""
    from transmodal.evaluation.doses.files import compare_dose_files

    comparison = compare_dose_files(
        reference,
        evaluated,
        structures,
        _criterion(criterion, cutoff, normalisation.value, prescription),
        at_least_gy=at_least or (),
        reading=reading.reading(),
        output=output,
        gamma_map=gamma_map,
        dvh_drawing=dvh,
    )
    print(comparison.text())


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
