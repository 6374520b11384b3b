"""Write a label map as a DICOM Segmentation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from transmodal.commands._groups import grouped
from transmodal.commands._reading import SeriesReadingWords

EXAMPLES = (
    "Examples:\n\n"
    "transmodal segmentation organs.nii.gz --onto ct_series -o organs.dcm --names labels.tsv\n\n"
    "transmodal segmentation organs.nii.gz --onto sct -o organs.dcm --algorithm 'TotalSegmentator 2'          (on a synthetic series)\n\n"
    "transmodal segmentation brain_mask.nii.gz --onto study -o brain.dcm --series 4          (a folder of several series)"
)


@grouped
def run(
    labels: Annotated[
        Path, typer.Argument(help="Label map or mask, an image of whole numbers; 0 is no label.")
    ],
    onto: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER", help="DICOM series that the labels lie on, measured or written by translate."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write, such as seg.dcm.")],
    names: Annotated[
        Path | None,
        typer.Option(help="CSV or TSV with the columns label and name and, for SNOMED CT, code and meaning."),
    ] = None,
    algorithm: Annotated[
        str, typer.Option(help="Program that made the labels; left out where a person drew them.")
    ] = "",
    resample: Annotated[
        bool,
        typer.Option(
            "--resample", help="Bring labels of another grid onto the series' by the nearest voxel."
        ),
    ] = False,
    *,
    reading: SeriesReadingWords,
) -> None:
    """Write a label map as one DICOM Segmentation (SEG) of the patient, study and slices of a series."""
    from transmodal.commands._segmenting import segmentation

    print(
        segmentation(
            labels,
            onto,
            output,
            names=names,
            algorithm=algorithm,
            resamples=resample,
            reading=reading.reading(),
        )
    )
