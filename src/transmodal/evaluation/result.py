"""The result of an evaluation: rows, summaries, pictures and how they came about."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from transmodal.evaluation.external.strata import InternalTest, Point, Strata
from transmodal.evaluation.measures import disagreement
from transmodal.evaluation.measures.disagreement import DisagreementOverPatients, DisagreementRow
from transmodal.evaluation.measures.gallery import CasePictures
from transmodal.evaluation.measures.histogram import Counts
from transmodal.evaluation.measures.organs import OrganRow
from transmodal.evaluation.measures.regional import RegionRow
from transmodal.evaluation.oracles.fit import REGISTERED, STANDARD
from transmodal.evaluation.record import build_provenance, build_record
from transmodal.evaluation.records.store import Parts, TargetHashes
from transmodal.evaluation.task import EvaluationTask
from transmodal.metrics import registry
from transmodal.metrics.protocol import Protocol
from transmodal.metrics.table import Row, SplitFigure, Summary, summarise
from transmodal.modalities import modality_in
from transmodal.viewing.folder import ViewerFolder


class Column(NamedTuple):
    """One kind of figure: a metric under a protocol."""

    metric: str
    unit: str
    protocol: Protocol

    @property
    def label(self) -> str:
        """Short name, with the dimension where the metric has a figure in each, such as `MS_SSIM 2D`."""
        dims = f" {self.protocol.dims}D" if len(registry.find(self.metric).dims) > 1 else ""
        return self.metric.upper() + dims

    @property
    def higher_is_better(self) -> bool:
        """Whether greater figures are better."""
        return registry.higher_is_better(self.metric)

    def text(self, value: float | None) -> str:
        """Return a figure as a table shows it."""
        if value is None:
            return "\N{EN DASH}"
        return f"{value:.{self._decimals(value)}f}"

    def _decimals(self, value: float) -> int:
        decimals = registry.find(self.metric).decimals
        if decimals is None:
            decimals = modality_in(self.unit).decimals
        if decimals is not None:
            return decimals
        return 3 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))


@dataclass(frozen=True)
class Evaluation:
    """An evaluation.

    Attributes:
        task: target, sources and cohort.
        models: names of the trained translators.
        oracles: names of those that need no learning.
        rows: every figure of every case.
        gallery: cases to show.
        slices_excluded: axial slices without mask, by case.
        records: how each model came about, JSON-able, by name.
        curves: CSV files with the models' training curves, by name.
        seconds: duration of the translation of each case, by name and case.
        errors: histograms of the models' errors inside the mask, by name.
        regions: measured and synthetic means by region, of the models.
        targets: hashes of the arrays that were scored against, by case.
        volumes: stored synthetic volumes; empty where none were kept.
        splits: figures of the whole split, such as FID.
        learned: which networks took figures, JSON-able, by their metrics.
        strata: patients by column of a phenotype table; None without one.
        internal_test: figures of the training site; None where cases are of it, or nothing is known of it.
        disagreements: figures of the disagreement of translators with several passes, by case.
        spreads: stored disagreements; empty where none were kept.
        organs: colour per organ, of the models; empty where it was not asked for.
        viewer: pages beside the report that show a case's volumes; None where none were asked for.
    """

    task: EvaluationTask
    models: tuple[str, ...]
    oracles: tuple[str, ...]
    rows: tuple[Row, ...]
    gallery: tuple[CasePictures, ...] = ()
    slices_excluded: Mapping[str, int] = field(default_factory=dict)
    records: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    curves: Mapping[str, Path] = field(default_factory=dict)
    seconds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    errors: Mapping[str, Counts] = field(default_factory=dict)
    regions: tuple[RegionRow, ...] = ()
    targets: Mapping[str, TargetHashes] = field(default_factory=dict)
    volumes: Parts = field(default_factory=dict)
    splits: tuple[SplitFigure, ...] = ()
    learned: Mapping[str, Any] = field(default_factory=dict)
    strata: Strata | None = None
    internal_test: InternalTest | None = None
    disagreements: tuple[DisagreementRow, ...] = ()
    spreads: Parts = field(default_factory=dict)
    organs: tuple[OrganRow, ...] = ()
    viewer: ViewerFolder | None = None

    @property
    def cases(self) -> tuple[str, ...]:
        """Ids of the cases, in order."""
        return tuple(dict.fromkeys(row.case for row in self.rows))

    def points(self) -> list[Point]:
        """Return every figure with its patient."""
        return [
            Point(row.patient, row.translator, row.metric, row.unit, row.protocol.text(), row.value)
            for row in self.rows
        ]

    def summary(self) -> list[Summary]:
        """Return mean, standard deviation and median per translator, metric and protocol."""
        return summarise(self.rows)

    def columns(self, region: str) -> list[Column]:
        """Return the kinds of figures that were taken in a region, `mask` or `whole`."""
        return [column for column in self._columns if column.protocol.region == region]

    @cached_property
    def _columns(self) -> tuple[Column, ...]:
        """Every kind of figure; a report asks for them some fifty times, and a thousand cases have many rows."""
        return tuple(dict.fromkeys(Column(row.metric, row.unit, row.protocol) for row in self.rows))

    def main_columns(self) -> list[Column]:
        """Return the figures inside the mask, or of the whole volume where no case has one, and those around it."""
        return [*(self.columns("mask") or self.columns("whole")), *self.columns("around")]

    def of(self, translator: str, column: Column) -> Summary | None:
        """Return a translator's summary of one kind of figure."""
        return self._by_figure.get((translator, column.metric, column.protocol))

    @cached_property
    def _by_figure(self) -> dict[tuple[str, str, Protocol], Summary]:
        return {(line.translator, line.metric, line.protocol): line for line in self.summary()}

    def best(self, column: Column) -> set[str]:
        """Return the translators with the best mean; several where they are equal."""
        summaries = {name: self.of(name, column) for name in (*self.models, *self.oracles)}
        means = {
            name: summary.mean
            for name, summary in summaries.items()
            if summary is not None and summary.mean is not None
        }
        if not means:
            return set()
        top = (max if column.higher_is_better else min)(means.values())
        return {name for name, mean in means.items() if mean == top}

    def findings(self) -> list[tuple[str, str]]:
        """Return a sentence for each model, by name: in which figures it does not beat which of the oracles.

        The registered mean, which has more information than the other three, is named first where it is as good or better.
        """
        rivals = [name for name in (REGISTERED, *STANDARD) if name in self.oracles]
        return [(model, self._finding(model, rivals)) for model in self.models] if rivals else []

    def _finding(self, model: str, rivals: list[str]) -> str:
        columns = self.main_columns()
        lost = {
            rival: labels
            for rival in rivals
            if (labels := [c.label for c in columns if not self._beats(model, rival, c)])
        }
        if not lost:
            return f"beats {_and(rivals)} in {_and([column.label for column in columns])}."
        parts = [f"{rival} in {_and(labels)}" for rival, labels in lost.items()]
        return f"does not beat {'; nor '.join(parts)}."

    def _beats(self, model: str, rival: str, column: Column) -> bool:
        ours, theirs = self.of(model, column), self.of(rival, column)
        if ours is None or theirs is None or ours.mean is None or theirs.mean is None:
            return False
        return ours.mean > theirs.mean if column.higher_is_better else ours.mean < theirs.mean

    def summary_text(self) -> str:
        """Return the means over cases as a plain table."""
        columns = self.main_columns()
        head = ["", *(f"{column.label} {_shown_unit(column)}".strip() for column in columns)]
        body = [
            [name, *(self._cell(name, column) for column in columns)]
            for name in (*self.models, *self.oracles)
        ]
        widths = [max(len(line[n]) for line in [head, *body]) for n in range(len(head))]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if n == 0 else cell.rjust(width) for n, (cell, width) in pairs
            ).rstrip()
            for line in [head, *body]
            for pairs in [list(enumerate(zip(line, widths, strict=True)))]
        )

    def _cell(self, name: str, column: Column) -> str:
        summary = self.of(name, column)
        return column.text(summary.mean if summary else None)

    @cached_property
    def pooled(self) -> tuple[DisagreementOverPatients, ...]:
        """Figures of the disagreement over patients, per translator."""
        return disagreement.pool(self.disagreements)

    def disagreement_protocol(self) -> str:
        """Return how the figures of the disagreement are taken, in words."""
        task = self.task
        return disagreement.protocol(
            task.unit, target_normalised=task.reference is not None, mask=task.mask_text
        )

    def to_json(self) -> dict[str, Any]:
        """Return the evaluation for JSON, without pictures."""
        return build_record(self).to_json()

    def provenance(self) -> dict[str, Any]:
        """Return how the figures came about, for JSON."""
        return build_provenance(self).model_dump(mode="json", exclude_unset=True)

    def timing(self) -> dict[str, Any]:
        """Return the durations of translations, for a file of its own: they differ each time."""
        return {
            "machine": platform.machine(),
            "device": {name: str(self.records.get(name, {}).get("device", "cpu")) for name in self.seconds},
            "seconds": {name: dict(cases) for name, cases in self.seconds.items()},
        }


def _shown_unit(column: Column) -> str:
    return "" if column.unit == "1" else f"({column.unit})"


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
