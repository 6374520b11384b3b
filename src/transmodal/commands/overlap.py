"""Compare segmentations of measured and of synthetic volumes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from transmodal.commands._groups import grouped
from transmodal.commands._reading import ReadingWords

EXAMPLES = (
    "Examples:\n\ntransmodal overlap organs_ct/ organs_sct/ -o overlap.json\n\n"
    "transmodal overlap organs_ct.nii.gz organs_sct.nii.gz --labels 1,2,5"
)


@grouped
def run(
    reference: Annotated[
        Path, typer.Argument(help="Label map of the measured image, or a folder of label maps.")
    ],
    synthetic: Annotated[
        Path, typer.Argument(help="Label map of the synthetic image, or a folder with the same names.")
    ],
    labels: Annotated[
        str | None, typer.Option(help="Structures, such as 1,2,5; by default all that either map has.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="JSON file to write.")] = None,
    *,
    reading: ReadingWords,
) -> None:
    """Compare your segmentations by Dice and the 95th percentile Hausdorff distance, per structure."""
    from transmodal.evaluation import overlaps

    cases = overlaps.write_overlaps(
        reference,
        synthetic,
        labels=None if labels is None else _label_numbers(labels),
        reading=reading.reading(),
        output=output,
    )
    print(overlaps.text(cases))


def _label_numbers(text: str) -> list[int]:
    from transmodal.errors import UsageError

    words = [word.strip() for word in text.split(",")]
    if not all(word.isdigit() and int(word) for word in words):
        raise UsageError("E001", f"--labels {text}", "numbers above 0, such as 1,2,5", "Write them so.")
    return [int(word) for word in words]
