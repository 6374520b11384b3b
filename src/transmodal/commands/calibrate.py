"""Measure how far a run errs on subjects that it has not learned from, for the intervals of its translations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from transmodal.commands._groups import grouped
from transmodal.commands._passes import PassWords
from transmodal.commands._translate_words import RunWords

EXAMPLES = (
    "Examples:\n\n"
    "transmodal calibrate runs/t1-to-fa --cohort cohort\n\n"
    "transmodal translate runs/t1-to-fa t1.nii.gz -o fa.nii.gz --interval 0.9          (then)\n\n"
    "transmodal calibrate runs/seed-1 --cohort cohort --with-run runs/seed-2 --with-run runs/seed-3"
)

RunFolder = Annotated[
    Path, typer.Argument(metavar="RUN", help="Folder of a trained run, which keeps the calibration.")
]
CohortFolder = Annotated[
    Path,
    typer.Option(
        "--cohort",
        help="Prepared cohort; its validation subjects are measured, none that the run learned from.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object: subjects, levels and widths.")]


@grouped
def run(
    trained: RunFolder,
    cohort: CohortFolder,
    *,
    passes: PassWords,
    loading: RunWords,
    as_json: AsJson = False,
) -> None:
    """Keep a run's errors on validation subjects in its folder: translate --interval takes its widths from there.

    It holds for the weights, runs and passes that are named here; translate with the same words.
    """
    import json

    from transmodal.commands._calibrating import calibrate_loaded
    from transmodal.commands._progress import bars

    with bars() as progress:
        calibrated = calibrate_loaded(loading.loading(trained, passes.passes()), cohort, progress)
    print(json.dumps(calibrated.to_json(), indent=1) if as_json else "\n".join(calibrated.lines()))
