"""Figures of runs on a split without pairs: in words, and as unpaired.json and unpaired.html."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transmodal.counts import counted
from transmodal.evaluation.learned import fid
from transmodal.evaluation.report import unpaired
from transmodal.metrics.table import SplitFigure
from transmodal.notice import INTENDED_USE
from transmodal.storage import files, sealed

CYCLE = "cycle_error"
METRICS = (CYCLE, *fid.METRICS)
"""Metrics that need no pair."""
NAME = "unpaired.json"
PROTOCOL = (
    "mean absolute error of the source after the way to the target and back, inside the region, over all windows, as a "
    "share of the source's mapped range; it says nothing about the target"
)


@dataclass(frozen=True, slots=True)
class UnpairedEvaluation:
    """Figures of runs on a split without pairs.

    Attributes:
        sources: source modalities.
        target: target modality.
        cohort: name of the cohort.
        digest: of the cohort.
        split: the scored side of the split.
        source_cases: cases that were translated.
        target_cases: cases whose targets the synthetic ones are held against as a set.
        records: how each run came about, by name.
        cycles: cycle error by run and case; empty for runs without a way back.
        splits: FID and KID, where weights were given.
        pictures: the first cases' source and synthetic volumes, by case and run.
        notes: remarks for a reader of the figures.
    """

    sources: tuple[str, ...]
    target: str
    cohort: str
    digest: str
    split: str
    source_cases: tuple[str, ...]
    target_cases: tuple[str, ...]
    records: Mapping[str, Mapping[str, Any]]
    cycles: Mapping[str, Mapping[str, float]]
    splits: Sequence[SplitFigure]
    pictures: Mapping[str, unpaired.Picture] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def summary_text(self) -> str:
        """Return the figures as lines of text, and notes on those that are not taken."""
        lines = [
            f"{self.cohort}, {self.split}: {counted(len(self.source_cases), 'case')} of {', '.join(self.sources)}, "
            f"{len(self.target_cases)} of {self.target}, no pairs",
            *(
                f"{name}: cycle error {100 * sum(values.values()) / len(values):.3g} % of the range, {counted(len(values), 'case')}"
                for name, values in self.cycles.items()
            ),
            *(figure.text() for figure in self.splits),
            *self.notes,
        ]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return everything for `unpaired.json`."""
        rows = [
            {"case": case, "translator": name, "metric": CYCLE, "value": value, "protocol": PROTOCOL}
            for name, values in self.cycles.items()
            for case, value in values.items()
        ]
        return {
            "intended_use": INTENDED_USE,
            "pairs": False,
            "cohort": {"name": self.cohort, "digest": self.digest, "split": self.split},
            "source": list(self.sources),
            "target": self.target,
            "source_cases": list(self.source_cases),
            "target_cases": list(self.target_cases),
            "models": dict(self.records),
            "rows": rows,
            "splits": [figure._asdict() for figure in self.splits],
            "notes": list(self.notes),
        }


def write(evaluation: UnpairedEvaluation, folder: Path) -> None:
    """Write `unpaired.json` and `unpaired.html` into a folder, made where it is missing.

    Raises:
        ResourceError: E403 when they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with files.atomic_path(folder / "unpaired.html") as part:
        part.write_text(
            unpaired.page(
                evaluation.summary_text(), evaluation.cycles, evaluation.splits, evaluation.pictures
            ),
            encoding="utf-8",
        )
    files.write_json(folder / NAME, sealed.seal(evaluation.to_json()))
