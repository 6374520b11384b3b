"""Split a prepared cohort anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from transmodal.commands._splitting import (
    PANEL,
    SPLIT_HELP,
    Copies,
    Counts,
    Fold,
    GroupBy,
    Groups,
    SamePatient,
    Seed,
    TestGroup,
    asked,
    relations,
    sides_of,
    sizes,
)

EXAMPLES = (
    "Examples:\n\ntransmodal resplit cohort --fold 0/5 -o fold-0\n\n"
    "transmodal resplit cohort --groups sites.tsv --group-by site --test-group 'site Guys' -o without-guys\n\n"
    "transmodal resplit cohort --split 7:1:2 --runs runs"
)


def run(
    cohort: Annotated[Path, typer.Argument(help="Prepared cohort.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="New cohort that shares the arrays; else the cohort itself."),
    ] = None,
    split: Annotated[str, typer.Option(help=f"{SPLIT_HELP}.", rich_help_panel=PANEL)] = "8:1:1",
    counts: Counts = "",
    fold: Fold = "",
    test_group: TestGroup = "",
    seed: Seed = 2024,
    groups: Groups = None,
    group_by: GroupBy = "",
    same_patient: SamePatient = None,
    copies: Copies = "refuse",
    runs: Annotated[
        Path | None,
        typer.Option(help="Folder of runs, of which to name those that were trained on a former split."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
) -> None:
    """Write another split of a prepared cohort and touch no array; the split that it had is kept beside.

    Runs that were trained on the former split do not go on with the new one, and their figures on it may leak.
    """
    from transmodal.cohorts.edit.resplit import resplit, stale
    from transmodal.cohorts.store import Cohort
    from transmodal.commands._progress import bars

    given = split.endswith(".json")
    sides = sides_of(Path(split), [case.id for case in Cohort.open(cohort).cases()]) if given else None
    words = asked(
        split="8:1:1" if given else split,
        counts=counts,
        seed=seed,
        fold=fold,
        test_group=test_group,
        copies=copies,
    )
    with bars() as shown:
        made = resplit(
            cohort,
            split=words,
            sides=sides,
            relations=relations(same_patient, groups, group_by),
            output=output,
            progress=lambda case, done, total: shown.advance("link", done, total, case),
            workers=workers,
        )
    print(f"{made.folder}: {sizes(made)}")
    for one in stale(made, runs) if runs is not None else ():
        print(
            f"{one.folder} was trained on {one.split}: it learned from {one.learned} of the {one.tested} patients "
            "that are tested now"
        )
