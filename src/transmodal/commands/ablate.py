"""Switch off one idea of a paper at a time, over several seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from transmodal.commands._clusters import Scheduler, working

EXAMPLES = (
    "Examples:\n\ntransmodal ablate agi-net --cohort cohort -o ablations/agi-net --workers 2\n\n"
    "transmodal ablate mine.yaml --cohort cohort -o ablations/mine"
)


def run(
    study: Annotated[str, typer.Argument(help="Name of a study that comes with transmodal, or a YAML file.")],
    cohort: Annotated[Path, typer.Option(help="Prepared cohort.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write into, or to continue.")],
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

    plan = plan_of(study)
    with working(scheduler, workers, 1, [cohort, output]) as n_processes, bars() as progress:
        result = ablate(plan, cohort, output, workers=n_processes, progress=progress)
    files.write_json(output / "ablation.json", result.to_json())
    for line in rows(result.to_json()):
        print(line)
    print(f"Figures: {output / 'ablation.json'}")
