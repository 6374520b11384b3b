"""Merge prepared cohorts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from transmodal.commands._splitting import (
    PANEL,
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
    sizes,
)

EXAMPLES = (
    "Examples:\n\ntransmodal merge brats2020 brats2021 -o brats --groups name_mapping.csv --split 8:1:1\n\n"
    "transmodal merge guys hammersmith -o both --prefix"
)


def run(
    cohorts: Annotated[list[Path], typer.Argument(help="Prepared cohorts, two or more.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="New cohort folder to write.")],
    prefix: Annotated[
        bool,
        typer.Option(
            "--prefix", help="Put the name of its cohort before the name of every case, patient and group."
        ),
    ] = False,
    split: Annotated[
        str,
        typer.Option(
            help="Shares of training, validation and test; keep: every case stays on its side.",
            rich_help_panel=PANEL,
        ),
    ] = "keep",
    counts: Counts = "",
    fold: Fold = "",
    test_group: TestGroup = "",
    seed: Seed = 2024,
    groups: Groups = None,
    group_by: GroupBy = "",
    same_patient: SamePatient = None,
    copies: Copies = "refuse",
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
) -> None:
    """Take several prepared cohorts as one: arrays are linked, not copied, and nothing is prepared again.

    A case that stands in several with the same content is taken once; two that differ under one name are refused.
    """
    from transmodal.cohorts.edit.merge import merge
    from transmodal.commands._progress import bars

    words = asked(
        split="8:1:1" if split == "keep" else split,
        counts=counts,
        seed=seed,
        fold=fold,
        test_group=test_group,
        copies=copies,
    )
    keeps = split == "keep" and not (counts or fold or test_group)
    with bars() as shown:
        cohort = merge(
            cohorts,
            output,
            split={"copies": copies} if keeps else words,
            keep_sides=keeps,
            relations=relations(same_patient, groups, group_by),
            prefix=prefix,
            progress=lambda case, done, total: shown.advance("merge", done, total, case),
            workers=workers,
        )
    print(f"{output}: {len(cohort.cases())} cases of {len(cohorts)} cohorts; {sizes(cohort)}")
