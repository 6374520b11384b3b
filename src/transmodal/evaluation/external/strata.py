"""Figures by stratum of patients, and against those of the cohort that the models learned from.

The drop is what a model loses away from home: its mean on the training cohort's own test patients minus its mean
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
        table: name of the file.
        sha256: of the file.
        groups: patients by stratum, by column.
    """

    table: str
    sha256: str
    groups: Mapping[str, Mapping[str, tuple[str, ...]]]

    def to_json(self) -> dict[str, Any]:
        """Return it for JSON."""
        groups = {by: {name: list(own) for name, own in found.items()} for by, found in self.groups.items()}
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
    """Mean at home minus mean here, and its interval; None where a group is too small."""

    mean: float
    interval: Interval | None


class Stratum(NamedTuple):
    """One kind of figure of one translator over the patients of one stratum.

    Attributes:
        by: column of the table; empty for all patients.
        name: of the stratum; empty for all patients.
        translator: what made the synthetic volumes.
        metric: such as `mae`.
        unit: of the figure.
        protocol: how it was taken.
        here: over the patients of the stratum whose figure is finite.
        home: over the training cohort's test patients; None where there is no figure of this protocol.
        drop: home minus here; None likewise.
    """

    by: str
    name: str
    translator: str
    metric: str
    unit: str
    protocol: str
    here: Description
    home: Description | None
    drop: Drop | None

    def to_json(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            **self._asdict(),
            "here": _plain(self.here),
            "home": None if self.home is None else _plain(self.home),
            "drop": None if self.drop is None else _plain(self.drop),
        }


def strata(points: Iterable[Point], parted: Strata | None, home: InternalTest | None) -> list[Stratum]:
    """Return every kind of figure over all patients, then by stratum, in order of appearance.

    Args:
        points: the figures here.
        parted: strata of the patients; None describes all patients alone.
        home: what to subtract from; None gives no drops.
    """
    kinds: dict[tuple[Key, str], list[tuple[str, float]]] = {}
    for one in points:
        kinds.setdefault(((one.translator, one.metric, one.protocol), one.unit), []).append(
            (one.patient, one.value)
        )
    return [
        Stratum(by, name, *key[:2], unit, key[2], here, *_against(home, key, values))
        for by, name, patients in _groups(parted)
        for (key, unit), found in kinds.items()
        for values in [_values(by_patient(found), patients)]
        if len(values)
        for here in [describe(values)]
    ]


def to_json(
    points: Iterable[Point], parted: Strata | None, home: InternalTest | None
) -> dict[str, Any] | None:
    """Return strata and drops for JSON; None where neither was asked for."""
    if parted is None and home is None:
        return None
    return {
        "method": METHOD,
        "phenotypes": None if parted is None else parted.to_json(),
        "home": None if home is None else home.to_json(),
        "figures": [one.to_json() for one in strata(points, parted, home)],
    }


def _groups(parted: Strata | None) -> Iterator[tuple[str, str, Sequence[str] | None]]:
    yield "", "", None
    for by, found in (parted.groups if parted is not None else {}).items():
        for name, patients in found.items():
            yield by, name, patients


def _values(
    figures: Mapping[str, float], patients: Sequence[str] | None
) -> np.ndarray[Any, np.dtype[np.float64]]:
    wanted = figures if patients is None else [one for one in patients if one in figures]
    return np.array([figures[one] for one in wanted if math.isfinite(figures[one])], dtype=np.float64)


def _against(
    home: InternalTest | None, key: Key, values: np.ndarray[Any, np.dtype[np.float64]]
) -> tuple[Description | None, Drop | None]:
    own = _values(home.figures.get(key, {}), None) if home is not None else values[:0]
    if not len(own):
        return None, None
    enough = min(len(own), len(values)) >= FEWEST
    interval = unpaired(own, values) if enough else None
    return describe(own), Drop(float(own.mean() - values.mean()), interval)


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {patient: value for patient, value in values.items() if math.isfinite(value)}


def _plain(one: Description | Drop) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in one._asdict().items()}
