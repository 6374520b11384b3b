"""Compare runs: one table under one protocol, from the evaluations that were written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transmodal._version import __version__
from transmodal.errors import UsageError
from transmodal.evaluation import provenance
from transmodal.evaluation.compare.comparability import ComparedMetric, check_comparable
from transmodal.evaluation.compare.inputs import Bootstrap, loss, select_inputs
from transmodal.evaluation.compare.notes import describe_method, recording_notes, statistical_notes
from transmodal.evaluation.compare.pooling import pool_trainings
from transmodal.evaluation.compare.row import ComparisonRow, build_row, correct_p_values
from transmodal.evaluation.records import read
from transmodal.evaluation.records.read import EvaluationRecord
from transmodal.evaluation.statistics.bootstrap import RESAMPLES, SEED
from transmodal.notice import INTENDED_USE


@dataclass(frozen=True, slots=True)
class Comparison:
    """Evaluated runs in one table, under one protocol.

    Attributes:
        primary: the metric that is compared.
        secondary: metrics shown beside it.
        patients: ids, in order.
        reference: name of the row that all rows are compared with.
        rows: models, best first, then oracles, best first.
        margin: of non-inferiority; None without.
        method: how intervals and tests were computed, in words.
        notes: limits that a reader has to know.
        evaluations: those that were read.
    """

    primary: ComparedMetric
    secondary: tuple[ComparedMetric, ...]
    patients: tuple[str, ...]
    reference: str
    rows: tuple[ComparisonRow, ...]
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
            "cohort": first.cohort.model_dump(
                mode="json", include={"name", "digest", "split", "n_cases", "simulated"}
            ),
            "metric": self.primary._asdict(),
            "others": [metric._asdict() for metric in self.secondary],
            "reference": self.reference,
            "margin": self.margin,
            "patients": list(self.patients),
            "rows": [row.to_json() for row in self.rows],
            "method": self.method,
            "notes": list(self.notes),
            "evaluations": [
                {"file": str(evaluation.path), "sha256": evaluation.sha256} for evaluation in self.evaluations
            ],
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
        metric: the primary metric, such as `mae`, `ssim` or `ssim-2d`; None takes the recipes' primary metric.
        against: name of the row that all rows are compared with; None takes the model with the best mean.
        margin: worsening that does not matter, in the metric's unit, fixed beforehand; None asks for no non-inferiority.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        InputError: E100 for a run that was not evaluated, E101 for an evaluation that contradicts itself, E135 when a
            model learned from a patient that it is scored on, E132 when no patient has a finite figure everywhere.
        UsageError: E004 for evaluations that do not go together, E002 for an unknown metric or row, E001 for a margin
            that is not above 0.
    """
    evaluations = [read.read(read.find(Path(run))) for run in runs]
    if not evaluations:
        raise UsageError("E004", "no run", "one or more", "Name the folders of evaluated runs.")
    remarks = check_comparable(evaluations)
    pools = pool_trainings(evaluations)
    bootstrap = Bootstrap(resamples, seed)
    inputs = select_inputs(
        evaluations, pools, metric=metric, against=against, margin=margin, bootstrap=bootstrap
    )
    rows = correct_p_values([build_row(pool, inputs) for pool in pools])
    starts = provenance.starting_notes({pool.name: pool.starts() for pool in pools})
    return Comparison(
        inputs.primary,
        inputs.secondary,
        inputs.patients,
        inputs.reference,
        tuple(sorted(rows, key=lambda row: (row.is_oracle, loss(inputs.primary, row.description.mean)))),
        margin,
        describe_method(rows, inputs),
        (*statistical_notes(rows, inputs), *remarks, *starts, *recording_notes(pools)),
        tuple(evaluations),
    )
