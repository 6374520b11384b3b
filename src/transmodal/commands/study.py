"""Ask a study of trained runs, or of recipes that it trains first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from transmodal.commands._clusters import Scheduler, working
from transmodal.commands._words import seed_numbers

EXAMPLES = (
    "Examples:\n\ntransmodal study --list\n\n"
    "transmodal study biology runs/pix2pix runs/unet --cohort cohort --subjects subjects -o studies/biology\n\n"
    "transmodal study biology t1-to-fa-small --seeds 1,2 --cohort cohort --subjects subjects -o studies/biology"
)

Name = Annotated[str | None, typer.Argument(help="Name of a study; --list shows them.")]
Runs = Annotated[
    list[str] | None, typer.Argument(metavar="RUN...", help="Folders of runs, or recipes to train first.")
]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Folder to write into, or to continue.")]
TrainingCohort = Annotated[
    Path | None, typer.Option(help="What the runs learned from, where --cohort is another one.")
]
Subjects = Annotated[
    Path | None,
    typer.Option(help="Folder of virtual subjects, whose case.json says what was planted in them."),
]
Phenotypes = Annotated[Path | None, typer.Option(help="CSV or TSV with a column of patients.")]
Seeds = Annotated[str | None, typer.Option(help="Seeds of trainings, such as 1 or 1,2,3; 1 by default.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change recipes that are trained, as for train."),
]
Options = Annotated[
    list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="Option of the study.")
]
Listed = Annotated[
    bool, typer.Option("--list", help="List the studies with their options; of one alone where it is named.")
]


def run(
    name: Name = None,
    runs: Runs = None,
    cohort: Annotated[Path | None, typer.Option(help="Prepared cohort.")] = None,
    output: Output = None,
    split: Annotated[str, typer.Option(help="train, validation or test; all of an unseen cohort.")] = "test",
    training_cohort: TrainingCohort = None,
    subjects: Subjects = None,
    phenotypes: Phenotypes = None,
    seeds: Seeds = None,
    changes: Changes = None,
    option: Options = None,
    device: Annotated[str | None, typer.Option(help="Such as cpu or cuda:0; a GPU by default.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Pieces of work at once; 1 by default.")] = None,
    scheduler: Scheduler = "",
    listed: Listed = False,
) -> None:
    """Ask one study of runs on a cohort; write study.json, study.html and its charts.

    Interrupted? The same command goes on; what is complete is not done again.
    """
    from transmodal.commands._progress import bars
    from transmodal.errors import UsageError
    from transmodal.experiments.study import markdown
    from transmodal.experiments.study.run import study as ask
    from transmodal.experiments.study.studies import names

    if listed:
        for study_name in [name] if name else names():
            print("\n".join(_lines(study_name)))
        return
    if name is None or cohort is None or output is None:
        raise UsageError(
            "E001",
            "a study without its name, --cohort or -o",
            "all three",
            "Name them, or list the studies with --list.",
        )
    places = [cohort, output, training_cohort, subjects, phenotypes]
    with working(scheduler, workers, 1, places) as n_processes, bars() as progress:
        record = ask(
            name,
            runs or (),
            cohort,
            output=output,
            split=split,
            training_cohort=training_cohort,
            subjects=subjects,
            phenotypes=phenotypes,
            seeds=seed_numbers(seeds),
            changes=changes or (),
            options=option or (),
            device=device,
            workers=n_processes,
            progress=progress,
        )
    print(markdown.tables(record))
    print("\n" + "\n".join(record.findings))
    print(f"\nPage: {output / 'study.html'}\nFigures: {output / 'study.json'}")


def _lines(name: str) -> list[str]:
    """Return the lines of a study in the list."""
    from transmodal.experiments.study.studies import find
    from transmodal.recipes.load import word

    study = find(name)
    needs = {"runs": "runs, or recipes", "recipes": "recipes", "nothing": "a cohort alone"}[study.needs]
    defaults = study.options().model_dump(mode="json")
    options = [
        f"  --option {key}={word(defaults[key])}  {field.description or ''}".rstrip()
        for key, field in study.options.model_fields.items()
    ]
    return [
        f"{study.name}: {study.about}",
        f"  takes {needs}",
        *options,
        f"  transmodal study {name} {study.command}",
        "",
    ]
