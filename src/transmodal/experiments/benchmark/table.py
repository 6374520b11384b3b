"""A suite's tables: ranked, as files beside the runs, and as a page of the docs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from transmodal.evaluation.compare.compare import Comparison
from transmodal.evaluation.compare.row import ComparisonRow
from transmodal.evaluation.compare.write import write_tables
from transmodal.evaluation.drawing import words
from transmodal.evaluation.drawing.words import DASH
from transmodal.evaluation.oracles.fit import STANDARD
from transmodal.experiments.benchmark.metrics import figure_name
from transmodal.experiments.markdown import line, made_at
from transmodal.metrics import registry

NOT_CONVERGED = " (not converged)"


def rank(comparison: Comparison, failures: Sequence[str] = ()) -> Comparison:
    """Return a comparison whose models under an oracle are marked and stand below those that are ranked.

    Args:
        comparison: with the three oracles that learn nothing.
        failures: what a reader has to know of trainings that failed.
    """
    models = [row for row in comparison.rows if not row.is_oracle]
    oracles = [row for row in comparison.rows if row.is_oracle]
    rivals = [row for row in oracles if row.name in STANDARD]
    converged = [row for row in models if all(_beats(comparison, row, rival) for rival in rivals)]
    failing = [row for row in models if row not in converged]
    marked = {row.name: f"{row.name}{NOT_CONVERGED}" for row in failing}
    rows = [*converged, *(replace(row, name=marked[row.name]) for row in failing), *oracles]
    notes = [
        f"Not converged within this budget, and not ranked, since an oracle that learns nothing is as good or better: "
        f"{', '.join(marked)}."
    ]
    return replace(
        comparison,
        reference=marked.get(comparison.reference, comparison.reference),
        rows=tuple(rows),
        notes=(*(notes if marked else []), *failures, *comparison.notes),
    )


def write(comparisons: Mapping[str, Comparison], folder: Path) -> list[Path]:
    """Write every table in every form: into the folder, or one folder per target where there are several.

    Returns:
        The folders written to.
    """
    folders = []
    for target, comparison in comparisons.items():
        of_target = folder if len(comparisons) == 1 else folder / target
        write_tables(comparison, of_target)
        folders.append(of_target)
    return folders


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Return a ranked comparison for JSON: each row with its rank, without the paths of the evaluations."""
    content = {key: value for key, value in comparison.to_json().items() if key != "evaluations"}
    place = 0
    for row in content["rows"]:
        is_ranked = not row["oracle"] and not row["name"].endswith(NOT_CONVERGED)
        place += is_ranked
        row["rank"] = place if is_ranked else None
    return content


def page(content: Mapping[str, Any]) -> str:
    """Return a benchmark's section of the docs: its tables, how they came about, what they do not say.

    Args:
        content: of `benchmark.json`.
    """
    cases, hardware = content["cohort"]["cases"], content["hardware"]
    seeds = ", ".join(map(str, content["seeds"]))
    lines = [
        f"## {content['suite']}",
        "",
        f"{_sentence(content['about'])} Budget: {content['budget']}. Seeds: {seeds}.",
    ]
    for target, table in content["tables"].items():
        heading = [f"### {target}", ""] if len(content["tables"]) > 1 else []
        lines += ["", *heading, *rows(content, table), "", *(f"- {note}" for note in _notes(table))]
    notes = [f"- {name}: {entry['note']}." for name, entry in content["entries"].items() if entry["note"]]
    return "\n".join(
        [
            *lines,
            *notes,
            "",
            f"Cohort `{content['cohort']['digest'][:12]}`: {cases['train']} subjects to train, {cases['validation']} to "
            f"validate, {cases['test']} to test. Made by `transmodal benchmark {content['suite']}`{made_at(content['commit'])}, with "
            f"{hardware['cores']} cores ({hardware['machine']}, {hardware['device']}), torch {hardware['torch']}, one thread "
            "per training. Figures per subject and seed, the changes of every recipe, and recipes' and weights' SHA-256 "
            f"stand in `docs/results/benchmarks/{content['suite']}.json`.",
        ]
    )


def rows(content: Mapping[str, Any], table: Mapping[str, Any]) -> list[str]:
    """Return the lines of a table: ranked models, those that are not, oracles in italics."""
    kinds = [table["metric"], *table["others"]]
    ranking, *further = (_heading(kind, kinds) for kind in kinds)
    heads = [
        "Rank", "", ranking, "95 % of the mean", "over seeds", f"Difference to {table['reference']}", "p (Holm)", "r",
        *further, "Parameters", "Training",
    ]  # fmt: skip
    return [
        line(heads),
        f"|---:|---|{'---:|' * (len(heads) - 2)}",
        *(line(_cells(content, table, row)) for row in table["rows"]),
    ]


def _cells(content: Mapping[str, Any], table: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    summary, difference = row["description"], row["difference"]
    write, *further = _column_writers(table)
    entry = content["entries"].get(row["name"].removesuffix(NOT_CONVERGED), {})
    ranking = figure_name(table["metric"]["metric"], table["metric"]["dims"])
    over_seeds = entry.get("over_seeds", {}).get(ranking)
    has_seeds = over_seeds is not None and row["trainings"] > 1
    return [
        str(row["rank"] or DASH),
        f"*{row['name']}*" if row["oracle"] else row["name"],
        words.spread(summary["mean"], summary["sd"], write),
        words.interval(summary["of_mean"], write),
        f"± {write(over_seeds['sd'])}" if has_seeds else DASH,
        f"{write(difference['mean'])} ({words.interval(difference['interval'], write)})"
        if difference
        else "reference",
        words.p_value(row["p_holm"]),
        f"{difference['rank_biserial']:+.2f}" if difference else DASH,
        *(
            words.spread(figure["mean"], figure["sd"], write_figure)
            for figure, write_figure in zip(row["others"], further, strict=True)
        ),
        DASH if row["parameters"] is None else f"{row['parameters'] / 1e6:.3g} M",
        DASH if row["training_seconds"] is None else f"{row['training_seconds']:.0f} s",
    ]


def _column_writers(table: Mapping[str, Any]) -> list[Callable[[float], str]]:
    """Return how the columns of the metrics are written, that of the ranking first."""
    rows = table["rows"]
    columns = [[row["description"]["mean"] for row in rows]]
    columns += [[row["others"][n]["mean"] for row in rows] for n in range(len(table["others"]))]
    return [_number_writer(means) for means in columns]


def _notes(table: Mapping[str, Any]) -> list[str]:
    kinds = [table["metric"], *table["others"]]
    texts = words.protocol_lines((kind["protocol"], _heading(kind, kinds)[:-2]) for kind in kinds)
    return [*texts, table["method"], *table["notes"]]


def _heading(kind: Mapping[str, Any], kinds: Sequence[Mapping[str, Any]]) -> str:
    twice = sum(column["metric"] == kind["metric"] for column in kinds) > 1
    dims = f" {kind['dims']}D" if twice else ""
    unit = "" if kind["unit"] == "1" else f" ({kind['unit']})"
    arrow = "↑" if registry.higher_is_better(kind["metric"]) else "↓"
    return f"{kind['metric'].upper()}{dims}{unit} {arrow}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _number_writer(means: Sequence[float | None]) -> Callable[[float], str]:
    """Return how a column is written: with four digits of its typical figure, four decimals at most."""
    sizes = [abs(mean) for mean in means if mean]
    places = min(4, max(0, 3 - math.floor(math.log10(statistics.median(sizes))))) if sizes else 4
    return lambda value: words.true_minus(f"{value:.{places}f}")


def _beats(comparison: Comparison, row: ComparisonRow, rival: ComparisonRow) -> bool:
    ours, theirs = row.description.mean, rival.description.mean
    return ours > theirs if registry.higher_is_better(comparison.primary.metric) else ours < theirs
