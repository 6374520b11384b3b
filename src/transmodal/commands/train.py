"""Train a translator by a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transmodal.commands._completing import recipe_names
from transmodal.progress import Progress
from transmodal.storage import memory

if TYPE_CHECKING:
    from transmodal.cohorts.store import Cohort
    from transmodal.recipes.schema import Recipe
    from transmodal.training.train import TrainResult

EXAMPLES = (
    "Examples:\n\ntransmodal train t1-to-fa-small --cohort cohort -o runs/t1-to-fa --set training.epochs=2\n\n"
    "transmodal train t1-to-fa-small --cohort site-b -o runs/site-b --from runs/t1-to-fa --set training.epochs=2          "
    "(fine-tuning)\n\n"
    "Interrupted? The same command goes on from where it stopped, to the same weights."
)


RecipeName = Annotated[
    str,
    typer.Argument(
        help="Name of a recipe (see: transmodal recipes), or a YAML file.", autocompletion=recipe_names
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change a key of the recipe, such as training.epochs=2; may be repeated."),
]
Start = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="RUN",
        help="Start from the best weights of a run of the same network, or of its file (.tmz): fine-tuning.",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object instead: the run, its steps and best figure.")
]


def run(
    recipe: RecipeName,
    cohort: Annotated[Path, typer.Option(help="Prepared cohort.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Run folder to write, or to continue.")],
    changes: Changes = None,
    start: Start = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or auto; the recipe's by default.")] = None,
    precision: Annotated[str | None, typer.Option(help="32-true, bf16-mixed or 16-mixed.")] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="Processes, one per device.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train by a recipe: curves, sample pictures, best and last checkpoint; resumes exactly."""
    import json

    from transmodal.commands._progress import bars
    from transmodal.commands._words import in_shell
    from transmodal.training import launch

    with bars() as terminal:
        result = train(
            recipe,
            cohort,
            output,
            changes=changes or (),
            start=start,
            device=device,
            precision=precision,
            processes=processes,
            progress=terminal,
        )
    if not launch.is_first():
        return
    if as_json:
        print(json.dumps(result.to_json(), indent=1))
        return
    print(result.line())
    print(f"Translate with it: transmodal translate {in_shell(output)} IMAGE -o OUTPUT")


@memory.guarded(
    "the training was planned",
    "Free memory, or set a smaller settings.width, a smaller windows.size or a coarser data.spacing_mm.",
)
def train(
    recipe: str | Path | Recipe,
    cohort: str | Path | Cohort,
    output: str | Path,
    *,
    changes: Mapping[str, object] | Sequence[str] = (),
    start: str | Path | None = None,
    device: str | None = None,
    precision: str | None = None,
    processes: int | None = None,
    progress: Progress | None = None,
) -> TrainResult:
    """Train by a recipe, or go on with a run that was interrupted, as `transmodal train` does.

    Args:
        recipe: name of one that comes with transmodal, YAML file, or a resolved recipe.
        cohort: prepared: its folder, or the cohort that `transmodal.prepare` returns.
        output: run folder to write, or to continue.
        changes: of the recipe (`--set`), by dotted key or as words `training.epochs=2`.
        start: run whose best weights training starts from, or the file that it was exported as, or a name of
            `transmodal models` (`--from`).
        device: instead of the recipe's, such as `cpu` or `cuda:0`.
        precision: instead of the recipe's: `32-true`, `bf16-mixed` or `16-mixed`.
        processes: instead of the recipe's; more than one needs `if __name__ == "__main__":` in a script.
        progress: told of steps and validations.

    Raises:
        TransmodalError: as `training.train.train`, and E002, E003, E001 for recipes.
        KeyboardInterrupt: on SIGINT, once everything is saved; the same call goes on.
    """
    from transmodal.commands._evaluation_words import open_cohort
    from transmodal.commands._recipe_words import resolve
    from transmodal.models import library
    from transmodal.training import train as training

    resolved = resolve(recipe, changes, {"device": device, "precision": precision, "processes": processes})
    origin = None if start is None else library.resolve(start)
    return training.train(resolved, open_cohort(cohort), Path(output), progress=progress, start=origin)
