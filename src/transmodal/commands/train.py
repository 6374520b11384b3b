"""Train a translator by a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Example:  transmodal train t1-to-fa-small --cohort cohort -o runs/t1-to-fa --set training.epochs=2\n\n"
    "Interrupted? The same command goes on from where it stopped, to the same weights."
)


def run(
    recipe: Annotated[
        str, typer.Argument(help="Name of a recipe (see: transmodal recipes), or a YAML file.")
    ],
    cohort: Annotated[Path, typer.Option(help="Prepared cohort.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Run folder to write, or to continue.")],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a key of the recipe, such as training.epochs=2; may be repeated."),
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or auto; the recipe's by default.")] = None,
    precision: Annotated[str | None, typer.Option(help="32-true, bf16-mixed or 16-mixed.")] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="Processes, one per device.")] = None,
) -> None:
    """Train by a recipe: curves, sample pictures, best and last checkpoint; resumes exactly."""
    from transmodal.cohorts.store import Cohort
    from transmodal.commands._progress import bars
    from transmodal.recipes import load
    from transmodal.training.loop import train

    resolved = load.load(recipe, changes or [])
    with bars() as shown:
        result = train(
            resolved,
            Cohort.open(cohort),
            output,
            device=device,
            precision=precision,
            processes=processes,
            progress=shown,
        )
    print(result.line())
    print(f"Translate with it: transmodal translate {output} IMAGE -o OUTPUT")
