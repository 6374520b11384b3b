"""Split a prepared cohort anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transmodal.commands._groups import grouped
from transmodal.commands._splitting import SplitWords, Workers, describe_sizes, parse_request

if TYPE_CHECKING:
    from transmodal.cohorts.split.request import SplitRequest

EXAMPLES = (
    "Examples:\n\ntransmodal resplit cohort --fold 0/5 -o fold-0\n\n"
    "transmodal resplit cohort --groups sites.tsv --group-by site --test-group 'site Guys' -o without-guys\n\n"
    "transmodal resplit cohort --split 7:1:2 --runs runs"
)


Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", help="New cohort that shares the arrays; else the cohort itself."),
]
Runs = Annotated[
    Path | None,
    typer.Option(help="Folder of runs, of which to name those that were trained on a former split."),
]


@grouped
def run(
    cohort: Annotated[Path, typer.Argument(help="Prepared cohort.")],
    output: Output = None,
    runs: Runs = None,
    workers: Workers = 2,
    *,
    split: SplitWords,
) -> None:
    """Write another split of a prepared cohort and touch no array; the split that it had is kept beside.

    Runs that were trained on the former split do not go on with the new one, and their figures on it may leak.
    """
    from transmodal.cohorts.edit.resplit import find_stale_runs, resplit
    from transmodal.commands._progress import bars
    from transmodal.progress import report_stage

    request = _parse_request(split, cohort)
    with bars() as progress:
        result = resplit(
            cohort, request, output=output, progress=report_stage(progress, "link"), workers=workers
        )
    print(f"{result.folder}: {describe_sizes(result)}")
    for stale in find_stale_runs(result, runs) if runs is not None else ():
        print(
            f"{stale.folder} was trained on {stale.split}: it learned from {stale.n_learned} of the {stale.n_tested} patients "
            "that are tested now"
        )


def _parse_request(words: SplitWords, folder: Path) -> SplitRequest:
    """Return the request, with the sides that a split file gives the cases of the cohort."""
    from transmodal.cohorts.split.split import read_sides
    from transmodal.cohorts.store import Cohort

    if not words.split.endswith(".json"):
        return parse_request(words, words.split)
    sides = read_sides(Path(words.split), [case.id for case in Cohort.open(folder).cases()])
    return replace(parse_request(words, "8:1:1"), sides=sides)
