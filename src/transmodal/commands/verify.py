"""Verify the files of a cohort, a run or an evaluation, and synthetic images with their sidecars."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Examples:\n\ntransmodal verify cohort\n\n"
    "transmodal verify runs/t1-to-fa              (its checkpoints, and the evaluations in it)\n\n"
    "transmodal verify runs/t1-to-fa/evaluation --json\n\n"
    "transmodal verify fa.nii.gz --run runs/t1-to-fa              (a synthetic image, its sidecar, and the run)"
)
_DAMAGED = 5
"""Exit status where a file is not what was written."""


def run(
    place: Annotated[
        Path,
        typer.Argument(
            metavar="COHORT|RUN|EVALUATION|IMAGE",
            help="Folder of a prepared cohort, of a run or one of its checkpoints, or of an evaluation; a run in one "
            "file (.tmz); a synthetic image, its JSON file, or a folder of them.",
        ),
    ],
    trained: Annotated[
        Path | None,
        typer.Option("--run", metavar="RUN", help="Of synthetic images: also whether this run made them."),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print one JSON object instead: what it is, how many files, every fault."
        ),
    ] = False,
) -> None:
    """Compare every file that has a hash with it, and name those that are not what was written, one per line.

    Of a cohort: its records, arrays, and the arrays made from them. Of a run: its checkpoints and evaluations. Of an
    evaluation: its figures and stored volumes. Of a synthetic image: its bytes, voxels and place against its JSON file,
    which has a hash of its own. Exit status 5 where there is a fault. To take figures again: `check`; to translate again:
    `reproduce`.
    """
    import json

    from transmodal.commands._progress import bars
    from transmodal.commands._verifying import verify

    with bars() as progress:
        verification = verify(place, run=trained, progress=progress)
    if as_json:
        faults = [fault._asdict() for fault in verification.faults]
        record = {
            "path": str(place),
            "kind": verification.kind,
            "files": verification.files,
            "faults": faults,
        }
        print(json.dumps(record, indent=1))
    else:
        for fault in verification.faults:
            print(fault.line())
        print(verification.text())
    if not verification.is_whole:
        raise typer.Exit(_DAMAGED)
