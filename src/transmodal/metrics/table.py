"""Rows of figures, each with its protocol: records, summaries, JSON and CSV.

A row holds a figure that this software took of an image. Figures quoted from papers never become rows:
what others reported under their protocol is text, not a measurement of ours.
"""

from __future__ import annotations

import csv
import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from transmodal.counts import counted
from transmodal.metrics.protocol import Protocol
from transmodal.metrics.registry import find
from transmodal.storage.files import atomic_path

COLUMNS = ("case", "patient", "translator", "metric", "value", "unit", "protocol", "note")


class Row(NamedTuple):
    """One figure of one case and translator.

    Attributes:
        case: id of the case.
        patient: id of the patient.
        translator: by which the synthetic volume was made.
        metric: such as `mae`.
        value: the figure; `inf`, and NaN where there is none, are written as null with a note.
        unit: of the figure.
        protocol: how it was taken.
    """

    case: str
    patient: str
    translator: str
    metric: str
    value: float
    unit: str
    protocol: Protocol

    @property
    def note(self) -> str:
        """The reason for a null; empty otherwise."""
        return "" if math.isfinite(self.value) else find(self.metric).no_value

    def to_json(self) -> dict[str, Any]:
        """Return the row for JSON: the protocol as text, a figure that is not finite as null with a note."""
        row = {**self._asdict(), "value": finite(self.value), "protocol": self.protocol.text()}
        return {**row, "note": self.note} if self.note else row


class SplitFigure(NamedTuple):
    """A figure of a translator on a whole split: it has no value per case, and enters no test over patients.

    Attributes:
        translator: by which the synthetic volumes were made.
        metric: `fid` or `kid`; lower is better.
        value: the figure; None where there is none.
        protocol: how it was taken.
        n_slices: of each of the two sets; of the smaller one where they differ.
        note: why there is no figure; empty otherwise.
    """

    translator: str
    metric: str
    value: float | None
    protocol: str
    n_slices: int
    note: str = ""

    def text(self) -> str:
        """Return the figure on one line."""
        if self.value is None:
            return f"{self.translator}: no {self.metric.upper()}: {self.note}"
        return f"{self.translator}: {self.metric.upper()} {self.value:.4g} over {counted(self.n_slices, 'slice')}"


class Summary(NamedTuple):
    """Summary over the cases of one translator, metric and protocol.

    Attributes:
        translator: by which the synthetic volumes were made.
        metric: such as `mae`.
        unit: of the figures.
        protocol: how they were taken.
        n: how many cases have a finite figure.
        mean: over the finite figures; None where there is none.
        std: sample standard deviation; None below two cases.
        median: over the finite figures.
        n_infinite: how many cases are left out because their figure is infinite.
    """

    translator: str
    metric: str
    unit: str
    protocol: Protocol
    n: int
    mean: float | None
    std: float | None
    median: float | None
    n_infinite: int

    def to_json(self) -> dict[str, Any]:
        """Return the summary for JSON, the protocol as text."""
        return {**self._asdict(), "protocol": self.protocol.text()}


def summarise(rows: Iterable[Row]) -> list[Summary]:
    """Sum up rows over cases, in the order in which translators, metrics and protocols first appear."""
    groups: dict[tuple[str, str, str, Protocol], list[float]] = {}
    for row in rows:
        groups.setdefault((row.translator, row.metric, row.unit, row.protocol), []).append(row.value)
    return [_summary(key, values) for key, values in groups.items()]


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """Write rows as CSV with the columns `COLUMNS`; a figure that is not finite is an empty field.

    Raises:
        ResourceError: E403 when the file cannot be written.
    """
    write_records([row.to_json() for row in rows], path)


def write_records(records: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write the JSON records of rows as `write_csv` does.

    Raises:
        ResourceError: E403 when the file cannot be written.
    """
    with atomic_path(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for record in records:
            value = record["value"]
            writer.writerow({**record, "value": "" if value is None else json.dumps(value)})


def finite(value: float) -> float | None:
    """Return the value, or None for one that JSON has no number for."""
    return value if math.isfinite(value) else None


def _summary(key: tuple[str, str, str, Protocol], values: list[float]) -> Summary:
    translator, metric, unit, protocol = key
    good = [value for value in values if math.isfinite(value)]
    return Summary(
        translator,
        metric,
        unit,
        protocol,
        n=len(good),
        mean=statistics.fmean(good) if good else None,
        std=statistics.stdev(good) if len(good) > 1 else None,
        median=statistics.median(good) if good else None,
        n_infinite=len(values) - len(good),
    )
