"""Compare segmentations of measured and of synthetic volumes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from transmodal.commands._reading import (
    AssumeOrientation,
    Frame,
    Nonfinite,
    NonfiniteVoxels,
    OrientationFrom,
    reading_of,
)

EXAMPLES = (
    "Examples:\n\ntransmodal overlap organs_ct/ organs_sct/ -o overlap.json\n\n"
    "transmodal overlap organs_ct.nii.gz organs_sct.nii.gz --labels 1,2,5"
)


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
    nonfinite: NonfiniteVoxels = Nonfinite.REFUSE,
    orientation_from: OrientationFrom = None,
    assume_orientation: AssumeOrientation = None,
    frame: Frame = None,
) -> None:
    """Compare your segmentations by Dice and the 95th percentile Hausdorff distance, per structure."""
    from transmodal.errors import UsageError
    from transmodal.evaluation import overlaps
    from transmodal.storage import files, outputs

    if output is not None:
        outputs.check_file(output)
    words = None if labels is None else [word.strip() for word in labels.split(",")]
    if words is not None and not all(word.isdigit() and int(word) for word in words):
        raise UsageError("E001", f"--labels {labels}", "numbers above 0, such as 1,2,5", "Write them so.")
    pairs = overlaps.compare_segmentations(
        reference,
        synthetic,
        labels=None if words is None else [int(word) for word in words],
        reading=reading_of(nonfinite, orientation_from, assume_orientation, frame),
    )
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(output, overlaps.to_json(pairs))
    print(overlaps.text(pairs))
