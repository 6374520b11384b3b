"""Rank the models of evaluations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Examples:\n\ntransmodal leaderboard entries/* -o board\n\n"
    "transmodal leaderboard entries/* --metric ssim_synthrad2023 --cohort cohort -o board"
)


def run(
    evaluations: Annotated[
        list[Path],
        typer.Argument(metavar="EVALUATION...", help="Folders of evaluations, or of evaluated runs."),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for leaderboard.html, .csv and .json.")
    ],
    metric: Annotated[str, typer.Option(help="The metric that ranks, such as mae, ssim, ssim-2d.")] = "mae",
    cohort: Annotated[
        Path | None,
        typer.Option(help="Scored cohort: every figure is taken again from the stored volumes first."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead: entries, notes.")
    ] = False,
) -> None:
    """Rank the models of evaluations on one cohort under one protocol, with intervals; others can enter theirs."""
    import json

    from transmodal.commands._progress import bars
    from transmodal.evaluation.leaderboard.write import build_leaderboard

    with bars() as progress:
        board = build_leaderboard(
            evaluations, output=output, metric=metric, cohort=cohort, progress=progress.advance
        )
    if as_json:
        print(json.dumps({"folder": str(output), **board.to_json()}, indent=1))
        return
    for entry in board.entries:
        ranks = "" if entry.ranks is None else f"  ranks {entry.ranks.best} to {entry.ranks.worst}"
        place = "-" if entry.rank is None else str(entry.rank)
        unit = "" if board.metric.unit == "1" else f" {board.metric.unit}"
        print(f"{place:>3}  {entry.name}  {entry.description.mean:.5g}{unit}{ranks}")
    for note in board.notes:
        print(f"Note: {note}")
    print(f"Page: {output / 'leaderboard.html'}")
