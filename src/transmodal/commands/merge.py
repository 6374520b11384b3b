"""Merge prepared cohorts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from transmodal.commands._groups import grouped
from transmodal.commands._splitting import PANEL, SplitWords, Workers, describe_sizes, parse_request
from transmodal.counts import counted

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


@dataclass(frozen=True, slots=True)
class MergeSplitWords(SplitWords):
    """The options of a split, which may be the one that there is."""

    split: Annotated[
        str,
        typer.Option(
            help="Shares of training, validation and test; keep: every case stays on its side.",
            rich_help_panel=PANEL,
        ),
    ] = "keep"

    @property
    def has_new_sides(self) -> bool:
        """Whether some option asks for another split."""
        return self.split != "keep" or bool(self.counts) or self.has_test


@grouped
def run(
    cohorts: Annotated[list[Path], typer.Argument(help="Prepared cohorts, two or more.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="New cohort folder to write.")],
    prefix: Prefix = False,
    workers: Workers = 2,
    *,
    split: MergeSplitWords,
) -> None:
    """Take several prepared cohorts as one: arrays are linked, not copied, and nothing is prepared again.

    A case that stands in several with the same content is taken once; two that differ under one name are refused.
    """
    from transmodal.cohorts.edit.merge import merge
    from transmodal.commands._progress import bars
    from transmodal.progress import report_stage

    request = parse_request(split, "8:1:1" if split.split == "keep" else split.split)
    keep_sides = not split.has_new_sides
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
    print(
        f"{output}: {counted(len(cohort.cases()), 'case')} of {counted(len(cohorts), 'cohort')}; {describe_sizes(cohort)}"
    )
