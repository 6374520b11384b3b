"""Merge prepared cohorts."""

from __future__ import annotations

from dataclasses import replace
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
    SplitWords,
    TestGroup,
    Workers,
    describe_sizes,
    parse_request,
)

EXAMPLES = (
    "Examples:\n\ntransmodal merge brats2020 brats2021 -o brats --groups name_mapping.csv --split 8:1:1\n\n"
    "transmodal merge guys hammersmith -o both --prefix"
)


Prefix = Annotated[
    bool,
    typer.Option(
        "--prefix", help="Put the name of its cohort before the name of every case, patient and group."
    ),
]
Split = Annotated[
    str,
    typer.Option(
        help="Shares of training, validation and test; keep: every case stays on its side.",
        rich_help_panel=PANEL,
    ),
]


def run(
    cohorts: Annotated[list[Path], typer.Argument(help="Prepared cohorts, two or more.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="New cohort folder to write.")],
    prefix: Prefix = False,
    split: Split = "keep",
    counts: Counts = "",
    fold: Fold = "",
    test_group: TestGroup = "",
    seed: Seed = 2024,
    groups: Groups = None,
    group_by: GroupBy = "",
    same_patient: SamePatient = None,
    copies: Copies = "refuse",
    workers: Workers = 2,
) -> None:
    """Take several prepared cohorts as one: arrays are linked, not copied, and nothing is prepared again.

    A case that stands in several with the same content is taken once; two that differ under one name are refused.
    """
    from transmodal.cohorts.edit.merge import merge
    from transmodal.commands._progress import bars
    from transmodal.progress import report_stage

    words = SplitWords(split, counts, fold, test_group, seed, groups, group_by, same_patient, copies)
    request = parse_request(words, "8:1:1" if split == "keep" else split)
    keep_sides = split == "keep" and not (counts or words.has_test)
    with bars() as progress:
        cohort = merge(
            cohorts,
            output,
            replace(request, options=None) if keep_sides else request,
            keep_sides=keep_sides,
            prefix=prefix,
            progress=report_stage(progress, "merge"),
            workers=workers,
        )
    print(f"{output}: {len(cohort.cases())} cases of {len(cohorts)} cohorts; {describe_sizes(cohort)}")
