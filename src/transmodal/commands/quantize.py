"""Write a run's network in integers of eight bits, for a fast translation on a CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from transmodal.counts import counted

EXAMPLES = (
    "Examples:\n\n"
    "transmodal quantize runs/t1-to-fa --cohort cohort\n\n"
    "transmodal translate runs/t1-to-fa t1.nii.gz -o fa.nii.gz --engine int8"
)

Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a trained run.")]
Cohort = Annotated[
    Path,
    typer.Option(
        help="The cohort that it learned from: its training split sets the ranges of the integers, its validation split "
        "shows what they cost."
    ),
]
Checkpoint = Annotated[str, typer.Option(help="best or last.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a quantized network that is there.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object: where it lies and what it costs.")
]


def run(
    trained: Run,
    cohort: Cohort,
    checkpoint: Checkpoint = "best",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write a run's network in integers of eight bits, if validation subjects lose at most 0.1 dB by it."""
    import json

    from transmodal.commands._progress import bars
    from transmodal.commands._quantizing import quantize

    with bars() as progress:
        outcome = quantize(
            trained, cohort, checkpoint=checkpoint, overwrite=overwrite, progress=progress.advance
        )
    loss = outcome.loss
    if as_json:
        print(
            json.dumps(
                {"folder": str(outcome.folder), "kept_float": outcome.kept_float, "loss": loss.to_json()}
            )
        )
        return
    shifts = "".join(f", {name} {shift:+.2f} HU" for name, shift in loss.shifts_hu.items())
    print(
        f"{outcome.folder}: PSNR {-loss.psnr_db:+.3f} dB{shifts} on {counted(loss.subjects, 'validation case')}"
    )
    print("Use it: --engine int8.")
