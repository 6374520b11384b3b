"""Compare runs: one table under one protocol, from the evaluations that were written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transmodal._version import __version__
from transmodal.errors import InputError, UsageError, suggest
from transmodal.evaluation import provenance
from transmodal.evaluation.compare import comparability
from transmodal.evaluation.compare.comparability import Kind
from transmodal.evaluation.compare.pooling import Pool, pools
from transmodal.evaluation.compare.row import Standing, Table, corrected, standing
from transmodal.evaluation.records import read as reading
from transmodal.evaluation.records.read import EvaluationRecord
from transmodal.evaluation.statistics.bootstrap import RESAMPLES, SEED, Values
from transmodal.evaluation.statistics.paired_tests import too_few
from transmodal.metrics import registry
from transmodal.notice import INTENDED_USE


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison.

    Attributes:
        kind: what is compared.
        others: what is shown beside it.
        patients: ids, in order.
        reference: name of the row that the others are held against.
        standings: models, best first, then oracles, best first.
        margin: of non-inferiority; None where it was not asked for.
        method: how intervals and tests were made.
        notes: what a reader has to know.
        evaluations: what was read.
    """

    kind: Kind
    others: tuple[Kind, ...]
    patients: tuple[str, ...]
    reference: str
    standings: tuple[Standing, ...]
    margin: float | None
    method: str
    notes: tuple[str, ...]
    evaluations: tuple[EvaluationRecord, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the comparison for JSON, every patient's figure with it."""
        first = self.evaluations[0].content.provenance
        return {
            "intended_use": INTENDED_USE,
            "tool": {"name": "transmodal", "version": __version__},
            "task": first.task.model_dump(mode="json"),
            "cohort": first.cohort.model_dump(mode="json", exclude={"training_patients_sha256"}),
            "metric": self.kind._asdict(),
            "others": [kind._asdict() for kind in self.others],
            "reference": self.reference,
            "margin": self.margin,
            "patients": list(self.patients),
            "rows": [one.to_json() for one in self.standings],
            "method": self.method,
            "notes": list(self.notes),
            "evaluations": [{"file": str(one.path), "sha256": one.sha256} for one in self.evaluations],
        }


def compare(
    runs: Sequence[Path],
    *,
    metric: str | None = None,
    against: str | None = None,
    margin: float | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Comparison:
    """Put evaluated runs into one table.

    Args:
        runs: folders of evaluated runs, folders of evaluations, or files evaluation.json.
        metric: what is compared, such as `mae`, `ssim` or `ssim-2d`; None takes the recipes' primary metric.
        against: name of the row that the others are held against; None takes the model with the best mean.
        margin: worsening that does not matter, in the metric's unit, fixed beforehand; None asks for no non-inferiority.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        InputError: E100 for a run that was not evaluated, E101 for an evaluation that contradicts itself, E135 when a
            model learned from a patient that it is scored on, E132 when no patient has a finite figure everywhere.
        UsageError: E004 for evaluations that do not go together, E002 for an unknown metric or row, E001 for a margin
            that is not above 0.
    """
    evaluations = [reading.read(reading.find(Path(run))) for run in runs]
    if not evaluations:
        raise UsageError("E004", "no run", "one or more", "Name the folders of evaluated runs.")
    notes = comparability.check(evaluations)
    shown = _main(comparability.kinds(evaluations))
    kind = _chosen(shown, metric or _primary(evaluations))
    rows = pools(evaluations)
    patients, left_out = _finite(rows, kind)
    figures = {row.name: _matrix(row, kind, patients) for row in rows}
    reference = _reference(rows, figures, kind, against)
    others = tuple(one for one in shown if one != kind)
    table = Table(kind, others, patients, reference, figures, margin, resamples, seed)
    standings = corrected([standing(row, table) for row in rows])
    return Comparison(
        kind,
        others,
        tuple(patients),
        reference,
        tuple(sorted(standings, key=lambda one: (one.is_oracle, _loss(kind, one.description.mean)))),
        margin,
        _method(standings, reference, resamples, seed),
        (
            *_statistical(standings, len(patients), left_out, against),
            *notes,
            *provenance.starting_notes({row.name: row.starts() for row in rows}),
            *_unrecorded(rows),
        ),
        tuple(evaluations),
    )


def _main(kinds: Sequence[Kind]) -> list[Kind]:
    """Return the figures inside the mask, or of the whole volume where there are no others."""
    known = [kind for kind in kinds if registry.is_ranked(kind.metric)]
    return [kind for kind in known if kind.region in ("mask", "around")] or known


def _primary(evaluations: Sequence[EvaluationRecord]) -> str:
    """Return the metric that all recipes name as theirs."""
    named: dict[str, str] = {}
    for one in evaluations:
        for name, record in one.content.provenance.models.items():
            named.setdefault(str((record.get("best") or {}).get("metric", "mae")), name)
    if len(named) > 1:
        raise UsageError(
            "E004",
            "; ".join(f"the recipe of {name} is judged by {metric}" for metric, name in named.items()),
            "one primary metric",
            "Choose one with --metric.",
        )
    return next(iter(named), "mae")


def _chosen(kinds: Sequence[Kind], metric: str) -> Kind:
    """Return the figures of a name; in 3D where it does not say."""
    fitting = {f"{kind.metric}-{kind.dims}d": kind for kind in reversed(kinds)}
    for name in (metric, f"{metric}-3d", f"{metric}-2d"):
        if name in fitting:
            return fitting[name]
    names = list(dict.fromkeys(kind.metric for kind in kinds))
    raise UsageError(
        "E002",
        f"the metric {metric}",
        f"{', '.join(names) or 'nothing'}, which all evaluations have",
        suggest(metric, [*names, *fitting], "Choose among these, or evaluate the runs again."),
    )


def _finite(rows: Sequence[Pool], kind: Kind) -> tuple[list[str], list[str]]:
    """Return the patients with a finite figure in every row, and the others."""
    figures = [one.figures(kind) for row in rows for one in row.entries]
    good = [patient for patient in figures[0] if all(math.isfinite(each[patient]) for each in figures)]
    if not good:
        raise InputError(
            "E132",
            f"no patient with a finite {kind.metric} in every row",
            "one or more",
            "Compare by another --metric, or leave out the run whose images are identical to the targets.",
        )
    return good, [patient for patient in figures[0] if patient not in good]


def _matrix(row: Pool, kind: Kind, patients: Sequence[str]) -> Values:
    found = [one.figures(kind) for one in row.entries]
    return np.array([[each[patient] for patient in patients] for each in found], dtype=np.float64)


def _reference(rows: Sequence[Pool], figures: dict[str, Values], kind: Kind, against: str | None) -> str:
    if against is not None:
        if against not in figures:
            raise UsageError("E002", f"no row {against}", ", ".join(figures), "Name one of them.")
        return against
    candidates = [row.name for row in rows if not row.is_oracle] or list(figures)
    return min(candidates, key=lambda name: _loss(kind, float(figures[name].mean())))


def _loss(kind: Kind, value: float) -> float:
    return -value if registry.higher_is_better(kind.metric) else value


def _method(standings: Sequence[Standing], reference: str, resamples: int, seed: int) -> str:
    pooled = _pooled(standings)
    parts = [f"Mean and standard deviation over patients{', of their means over seeds' if pooled else ''}."]
    if any(one.description.of_mean for one in standings):
        parts.append(
            f"Intervals: 95 %, percentiles of {resamples} bootstrap resamples over patients"
            f"{' and seeds' if pooled else ''} (seed {seed}), moved out for the number of patients."
        )
    tests = sum(one.p is not None for one in standings)
    if tests:
        parts.append(
            f"p: two-sided Wilcoxon signed-rank test over patients against {reference}, corrected by Holm over "
            f"{tests} {'test' if tests == 1 else 'tests'}."
        )
    if len(standings) > 1:
        parts.append(
            f"r: matched-pairs rank-biserial correlation, above 0 where figures are higher than those of {reference}."
        )
    return " ".join(parts)


def _pooled(standings: Sequence[Standing]) -> bool:
    return any(one.trainings > 1 for one in standings)


def _statistical(
    standings: Sequence[Standing], n: int, left_out: Sequence[str], against: str | None
) -> list[str]:
    notes = []
    if too_few(n):
        text = too_few(n)
        notes.append(f"{text[:1].upper()}{text[1:]}.")
    if left_out:
        notes.append(f"Left out, since a figure is not finite in some row: {', '.join(left_out)}.")
    models = [one for one in standings if not one.is_oracle]
    if against is None and len(models) > 1 and n > 1:
        notes.append(
            "The reference was chosen by these very figures, so differences to it look larger than they are; "
            "--against names one beforehand."
        )
    alone = [one.name for one in models if one.trainings == 1]
    if alone and not too_few(n):
        notes.append(f"One training each: {', '.join(alone)}. How trainings vary is not in their intervals.")
    return notes


def _unrecorded(rows: Sequence[Pool]) -> list[str]:
    models = [row for row in rows if not row.is_oracle]
    lacks = {
        "Parameters": [row.name for row in models if not row.recorded("parameters")],
        "Training time": [
            row.name for row in models if len(row.recorded("training_seconds")) < len(row.entries)
        ],
        "Time per volume": [row.name for row in rows if not row.seconds()],
    }
    notes = [f"{what} not recorded: {', '.join(names)}." for what, names in lacks.items() if names]
    devices = sorted({device for row in models for device in row.devices()})
    if len(devices) > 1:
        notes.append(
            f"Times per volume are of different devices ({', '.join(devices)}): do not compare them."
        )
    return notes
