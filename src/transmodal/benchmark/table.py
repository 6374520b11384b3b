"""A suite's tables: who is ranked, as files beside the runs, and as a page of the docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from transmodal.evaluation import compare_table
from transmodal.evaluation.compare import Comparison
from transmodal.evaluation.oracles import STANDARD
from transmodal.evaluation.standing import Standing
from transmodal.metrics.table import HIGHER_IS_BETTER
from transmodal.volumes import files

NOT_CONVERGED = " (not converged)"
FORMS = {
    "comparison.md": compare_table.markdown,
    "comparison.csv": compare_table.table_csv,
    "comparison.tex": compare_table.latex,
    "comparison.html": compare_table.page,
    "patients.csv": compare_table.patients_csv,
}


def ranked(comparison: Comparison, failures: Sequence[str] = ()) -> Comparison:
    """Return a comparison whose models under an oracle are marked and stand below those that are ranked.

    Args:
        comparison: with the three oracles that learn nothing.
        failures: what a reader has to know of trainings that failed.
    """
    models = [one for one in comparison.standings if not one.is_oracle]
    oracles = [one for one in comparison.standings if one.is_oracle]
    rivals = [one for one in oracles if one.name in STANDARD]
    converged = [one for one in models if all(_beats(comparison, one, rival) for rival in rivals)]
    others = [one for one in models if one not in converged]
    marked = {one.name: f"{one.name}{NOT_CONVERGED}" for one in others}
    rows = [*converged, *(replace(one, name=marked[one.name]) for one in others), *oracles]
    notes = [
        f"Not converged within this budget, and not ranked, since an oracle that learns nothing is as good or better: "
        f"{', '.join(marked)}."
    ]
    return replace(
        comparison,
        reference=marked.get(comparison.reference, comparison.reference),
        standings=tuple(rows),
        notes=(*(notes if marked else []), *failures, *comparison.notes),
    )


def write(comparisons: Mapping[str, Comparison], folder: Path) -> list[Path]:
    """Write every table in every form: into the folder, or one folder per target where there are several.

    Returns:
        The folders written to.
    """
    places = []
    for target, comparison in comparisons.items():
        place = folder if len(comparisons) == 1 else folder / target
        place.mkdir(parents=True, exist_ok=True)
        for name, made in FORMS.items():
            with files.atomic_path(place / name) as beside:
                beside.write_text(made(comparison), encoding="utf-8")
        places.append(place)
    return places


def _beats(comparison: Comparison, one: Standing, rival: Standing) -> bool:
    ours, theirs = one.description.mean, rival.description.mean
    return ours > theirs if HIGHER_IS_BETTER[comparison.kind.metric] else ours < theirs
