"""Figures by stratum of patients, and against those of the cohort that the models learned from.

The drop is what a model loses on another cohort: its mean on the training cohort's own test patients minus its mean
here. The patients are others, so nothing is paired.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from transmodal.evaluation.statistics.bootstrap import CONFIDENCE, RESAMPLES, SEED, Interval, unpaired
from transmodal.evaluation.statistics.paired_tests import FEWEST, Description, by_patient, describe

METHOD = (
    f"Mean over patients; intervals: {CONFIDENCE:.0%}, bootstrap over patients ({RESAMPLES} resamples, seed {SEED}), moved "
    "out for the number of patients. Drop: mean on the training cohort's own test patients minus mean here; both groups "
    f"are drawn independently, with Welch's degrees of freedom. No interval where a group has fewer than {FEWEST} patients."
)

Key = tuple[str, str, str]
"""Translator, metric, text of the protocol."""


class Point(NamedTuple):
    """One figure of one case; not finite where the images are identical."""

    patient: str
    translator: str
    metric: str
    unit: str
    protocol: str
    value: float


class Strata(NamedTuple):
    """Patients by column and stratum.

    Attributes:
        table: what the file is, without its name, which can be a person's.
        sha256: of the file.
        groups: patients by stratum, by column.
    """

    table: str
    sha256: str
    groups: Mapping[str, Mapping[str, tuple[str, ...]]]

    def to_json(self) -> dict[str, Any]:
        """Return it for JSON."""
        groups = {
            by: {name: list(patients) for name, patients in groups.items()}
            for by, groups in self.groups.items()
        }
        return {"table": self.table, "sha256": self.sha256, "groups": groups}


class InternalTest(NamedTuple):
    """Figures on the test patients of the cohort that the models learned from.

    Attributes:
        cohort: its name.
        digest: its hash.
        how: where they come from.
        figures: one per patient, by translator, metric and protocol.
    """

    cohort: str
    digest: str
    how: str
    figures: Mapping[Key, Mapping[str, float]]

    def to_json(self) -> dict[str, Any]:
        """Return it for JSON; figures that are not finite are left out."""
        figures = [
            {"translator": key[0], "metric": key[1], "protocol": key[2], "patients": _finite(values)}
            for key, values in self.figures.items()
        ]
        return {"cohort": self.cohort, "digest": self.digest, "how": self.how, "figures": figures}


class Drop(NamedTuple):
    """Mean of the internal test minus mean on the scored patients, and its interval; None where a group is too small."""

    mean: float
    interval: Interval | None


class Stratum(NamedTuple):
    """One kind of figure of one translator over the patients of one stratum.

    Attributes:
        by: column of the table; empty for all patients.
        name: of the stratum; empty for all patients.
        translator: that made the synthetic volumes.
        metric: such as `mae`.
        unit: of the figure.
        protocol: how it was taken.
        description: over the patients of the stratum whose figure is finite.
        internal: over the training cohort's test patients; None where there is no figure of this protocol.
        drop: internal minus scored; None likewise.
    """

    by: str
    name: str
    translator: str
    metric: str
    unit: str
    protocol: str
    description: Description
    internal: Description | None
    drop: Drop | None

    def to_json(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "by": self.by,
            "name": self.name,
            "translator": self.translator,
            "metric": self.metric,
            "unit": self.unit,
            "protocol": self.protocol,
            "here": _plain(self.description),
            "home": None if self.internal is None else _plain(self.internal),
            "drop": None if self.drop is None else _plain(self.drop),
        }


def describe_strata(
    points: Iterable[Point], strata: Strata | None, internal_test: InternalTest | None
) -> list[Stratum]:
    """Return every kind of figure over all patients, then by stratum, in order of appearance.

    Args:
        points: the figures of the scored patients.
        strata: groups of the patients; None describes all patients alone.
        internal_test: figures to subtract from; None gives no drops.
    """
    kinds: dict[tuple[Key, str], list[tuple[str, float]]] = {}
    for point in points:
        key = (point.translator, point.metric, point.protocol)
        kinds.setdefault((key, point.unit), []).append((point.patient, point.value))
    return [
        Stratum(by, name, *key[:2], unit, key[2], describe(values), *_against(internal_test, key, values))
        for by, name, patients in _groups(strata)
        for (key, unit), figures in kinds.items()
        for values in [_values(by_patient(figures), patients)]
        if len(values)
    ]


def to_json(
    points: Iterable[Point], strata: Strata | None, internal_test: InternalTest | None
) -> dict[str, Any] | None:
    """Return strata and drops for JSON; None where neither was asked for."""
    if strata is None and internal_test is None:
        return None
    return {
        "method": METHOD,
        "phenotypes": None if strata is None else strata.to_json(),
        "home": None if internal_test is None else internal_test.to_json(),
        "figures": [stratum.to_json() for stratum in describe_strata(points, strata, internal_test)],
    }


def _groups(strata: Strata | None) -> Iterator[tuple[str, str, Sequence[str] | None]]:
    yield "", "", None
    for by, groups in (strata.groups if strata is not None else {}).items():
        for name, patients in groups.items():
            yield by, name, patients


def _values(
    figures: Mapping[str, float], patients: Sequence[str] | None
) -> np.ndarray[Any, np.dtype[np.float64]]:
    selected = figures if patients is None else [patient for patient in patients if patient in figures]
    values = [figures[patient] for patient in selected if math.isfinite(figures[patient])]
    return np.array(values, dtype=np.float64)


def _against(
    internal_test: InternalTest | None, key: Key, values: np.ndarray[Any, np.dtype[np.float64]]
) -> tuple[Description | None, Drop | None]:
    internal = values[:0] if internal_test is None else _values(internal_test.figures.get(key, {}), None)
    if not len(internal):
        return None, None
    enough = min(len(internal), len(values)) >= FEWEST
    interval = unpaired(internal, values) if enough else None
    return describe(internal), Drop(float(internal.mean() - values.mean()), interval)


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {patient: value for patient, value in values.items() if math.isfinite(value)}


def _plain(record: Description | Drop) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in record._asdict().items()
    }
