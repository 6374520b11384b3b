"""Switch off one idea of a paper at a time, over several seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from transmodal.commands._clusters import Scheduler, working
from transmodal.commands._words import seed_numbers

EXAMPLES = (
    "Examples:\n\ntransmodal ablate agi-net --cohort cohort -o ablations/agi-net --workers 2\n\n"
    "transmodal ablate agi-net --cohort cohort -o ablations/agi-net --seeds 1 --set training.epochs=1\n\n"
    "transmodal ablate mine.yaml --cohort cohort -o ablations/mine"
)
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change every variant's recipe, such as training.epochs=2; may be repeated.",
    ),
]
Seeds = Annotated[str | None, typer.Option(help="Seeds instead of the study's, such as 1 or 1,2,3.")]


def run(
    study: Annotated[str, typer.Argument(help="Name of a study that comes with transmodal, or a YAML file.")],
    cohort: Annotated[Path, typer.Option(help="Prepared cohort.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write into, or to continue.")],
    changes: Changes = None,
    seeds: Seeds = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Trainings at once; 1 by default.")] = None,
    scheduler: Scheduler = "",
) -> None:
    """Train and score a recipe and its variants with several seeds; write ablation.json beside the runs.

    Interrupted? The same command goes on; what is trained and scored is not done again.
    """
    from transmodal.commands._progress import bars
    from transmodal.experiments.ablation.plan import plan_of
    from transmodal.experiments.ablation.run import ablate
    from transmodal.experiments.ablation.table import rows
    from transmodal.storage import files

    plan = plan_of(study).changed(changes or (), seed_numbers(seeds))
    with working(scheduler, workers, 1, [cohort, output]) as n_processes, bars() as progress:
        result = ablate(plan, cohort, output, workers=n_processes, progress=progress)
    content = result.to_json()
    files.write_json(output / "ablation.json", {**content, "command": _command(study, changes or (), seeds)})
    for line in rows(content):
        print(line)
    print(f"Figures: {output / 'ablation.json'}")


def _command(study: str, changes: Sequence[str], seeds: str | None) -> str:
    """Return the words that ask for the same figures, without the places where cohort and runs lie."""
    words = ["transmodal ablate", Path(study).name, *(f"--set {change}" for change in changes)]
    return " ".join([*words, *([f"--seeds {seeds}"] if seeds else [])])
