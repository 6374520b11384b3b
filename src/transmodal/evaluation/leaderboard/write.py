"""Rank evaluations and write the board: the door that the command line goes through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from transmodal.cohorts.store import Cohort
from transmodal.evaluation.leaderboard.page import page, table_csv
from transmodal.evaluation.leaderboard.ranking import Leaderboard, rank
from transmodal.evaluation.verify.check import check
from transmodal.progress import StageProgress
from transmodal.storage import files, outputs


def build_leaderboard(
    evaluations: Sequence[Path],
    *,
    output: Path | None = None,
    metric: str = "mae",
    cohort: Cohort | Path | None = None,
    progress: StageProgress | None = None,
) -> Leaderboard:
    """Rank the models of evaluations, and write leaderboard.html, .csv and .json.

    Args:
        evaluations: folders of evaluations or of evaluated runs, or their files.
        output: folder to write into; None writes nothing.
        metric: that ranks.
        cohort: takes the figures of every evaluation with volumes again, before anyone is ranked; None takes none.
        progress: told how far the taking again is.

    Raises:
        TransmodalError: as `ranking.rank`, and with a cohort as `verify.check.check`; E403 and E005 for a place that
            cannot be written.
    """
    if output is not None:
        outputs.check_folder(output)
    checks: dict[int, str] = {}
    board = rank(evaluations, metric=metric)
    for n, evaluation in enumerate(board.evaluations):
        if cohort is not None and evaluation.content.volumes:
            checks[n] = check(evaluation.path, cohort, progress=progress).text()
    board = replace(board, checks=checks)
    if output is not None:
        _write(board, output)
    return board


def _write(board: Leaderboard, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("leaderboard.html", page(board)), ("leaderboard.csv", table_csv(board))):
        with files.atomic_path(folder / name) as path:
            path.write_text(text, encoding="utf-8")
    files.write_json(folder / "leaderboard.json", board.to_json())
