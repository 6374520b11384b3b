"""Take the figures of an evaluation again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Examples:\n\ntransmodal evaluate runs/t1-to-fa --cohort cohort --save-volumes\n\n"
    "transmodal check runs/t1-to-fa --cohort cohort"
)


def run(
    evaluation: Annotated[
        Path, typer.Argument(metavar="EVALUATION", help="Folder of an evaluated run, or of an evaluation.")
    ],
    cohort: Annotated[Path, typer.Option(help="The prepared cohort that was scored on.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead: how many agree.")
    ] = False,
) -> None:
    """Compare stored volumes with their hashes, take every figure again from them, and say how many agree."""
    import json

    from transmodal.commands._progress import bars
    from transmodal.evaluation.verify.check import check

    with bars() as progress:
        checked = check(evaluation, cohort, progress=progress.advance)
    print(json.dumps(checked._asdict(), indent=1) if as_json else checked.text())
