"""A leaderboard as a page that opens offline, and as CSV."""

from __future__ import annotations

from html import escape

from transmodal.counts import counted
from transmodal.evaluation.drawing.figures import task_label
from transmodal.evaluation.drawing.html import document, headings
from transmodal.evaluation.drawing.tables import csv_table, interval_fields
from transmodal.evaluation.drawing.words import DASH, interval, spread
from transmodal.evaluation.leaderboard.ranking import Leaderboard, LeaderboardEntry
from transmodal.metrics import registry
from transmodal.modalities import modality_in
from transmodal.notice import INTENDED_USE

_HEADINGS = (
    "Rank",
    "Entry",
    "{metric}",
    "95 % of the mean",
    "Ranks (95 %)",
    "First in",
    "Origin",
    "Evaluation",
    "Figures",
)


def page(board: Leaderboard) -> str:
    """Return the board as one self-contained HTML document; all text from data is escaped."""
    first = board.evaluations[0].content.provenance
    title = f"{task_label(first.task.source, first.task.target)}: leaderboard"
    heads = headings([text.format(metric=_metric_title(board)) for text in _HEADINGS], n_text_columns=2)
    rows = "".join(_html_row(board, entry) for entry in board.entries)
    notes = [f"{_metric_title(board)}: {board.metric.protocol}.", board.method, *board.notes, INTENDED_USE]
    items = "".join(f"<li>{escape(text)}</li>" for text in notes)
    body = (
        f'<header><p class="eyebrow">Transmodal leaderboard</p><h1>{escape(title)}</h1>'
        f'<p class="lead">{counted(len(board.patients), "patient")} of the {escape(first.cohort.split)} split of the cohort '
        f"{escape(first.cohort.name)}, digest {first.cohort.digest}.</p></header>"
        f'<div class="scroll"><table class="sortable"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        f"<section><h2>How it was taken</h2><ul>{items}</ul></section>"
        f"<section><h2>Enter it</h2>{_entering(board)}</section>"
    )
    return document(title, body, "compare")


def table_csv(board: Leaderboard) -> str:
    """Return one line per entry with every number in full; an empty field stands for nothing."""
    return csv_table(
        [
            {
                "rank": entry.rank,
                "entry": entry.name,
                "origin": entry.origin,
                "metric": board.metric.metric,
                "unit": board.metric.unit,
                "patients": entry.description.n,
                "mean": entry.description.mean,
                "sd": entry.description.sd,
                **interval_fields("mean", entry.description.of_mean),
                "median": entry.description.median,
                "rank_best": entry.ranks and entry.ranks.best,
                "rank_worst": entry.ranks and entry.ranks.worst,
                "first_in": entry.ranks and entry.ranks.first,
                "figures": board.verification(entry.evaluation),
                "evaluation_sha256": board.evaluations[entry.evaluation].sha256,
                "cohort_digest": board.evaluations[0].content.provenance.cohort.digest,
                "protocol": board.metric.protocol,
            }
            for entry in board.entries
        ]
    )


def _html_row(board: Leaderboard, entry: LeaderboardEntry) -> str:
    evaluation = board.evaluations[entry.evaluation]
    description, ranks = entry.description, entry.ranks

    def write(value: float) -> str:
        return _number(board, value)

    cells = [
        (spread(description.mean, description.sd, write), repr(description.mean)),
        (interval(description.of_mean, write), None),
        (DASH if ranks is None else f"{ranks.best} to {ranks.worst}", None),
        (DASH if ranks is None else f"{ranks.first:.0%}", "" if ranks is None else repr(ranks.first)),
        (entry.origin, None),
        (f"{evaluation.path.parent.name} ({evaluation.sha256[:12]})", None),
        (board.verification(entry.evaluation), None),
    ]
    body = "".join(_cell(text, value) for text, value in cells)
    mark = "oracle" if entry.rank is None else "best" if entry.rank == 1 else "model"
    place = DASH if entry.rank is None else str(entry.rank)
    return (
        f'<tr class="{mark}"><td data-value="{entry.rank or ""}">{place}</td>'
        f'<th scope="row" class="left">{escape(entry.name)}</th>{body}</tr>'
    )


def _cell(text: str, value: str | None) -> str:
    """Return a cell; the table sorts by the value, where there is one."""
    order = "" if value is None else f' data-value="{value}"'
    return f"<td{order}>{escape(text)}</td>"


def _entering(board: Leaderboard) -> str:
    """Return how others enter the board, and how a reader takes its figures again."""
    cohort = board.evaluations[0].content.provenance.cohort
    return (
        f"<p>Score volumes on the same cohort (digest {cohort.digest[:12]}), keep them, and hand in the folder:</p>"
        f"<pre>transmodal evaluate --predictions VOLUMES=NAME --cohort COHORT --split {escape(cohort.split)} -o ENTRY "
        "--save-volumes\ntransmodal check ENTRY --cohort COHORT\n"
        "transmodal leaderboard ENTRY... --cohort COHORT -o BOARD</pre>"
        "<p>With <code>--cohort</code> every figure is taken again from the stored volumes before anyone is ranked.</p>"
    )


def _metric_title(board: Leaderboard) -> str:
    metric = board.metric
    name = (
        f"{metric.metric.upper()} {metric.dims}D"
        if len(registry.find(metric.metric).dims) > 1
        else metric.metric.upper()
    )
    arrow = "↑" if registry.higher_is_better(metric.metric) else "↓"
    return f"{name} {arrow}" if metric.unit == "1" else f"{name} ({metric.unit}) {arrow}"


def _number(board: Leaderboard, value: float) -> str:
    decimals = registry.find(board.metric.metric).decimals
    if decimals is None:
        decimals = modality_in(board.metric.unit).decimals
    return f"{value:.{decimals}f}" if decimals is not None else f"{value:.4g}"
