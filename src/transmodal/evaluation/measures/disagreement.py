"""Whether the disagreement of a translator's passes says where it errs: per case, and over patients."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from transmodal.cohorts.store import PreparedCase
from transmodal.evaluation.records.store import Parts, to_json
from transmodal.evaluation.statistics.bootstrap import Interval
from transmodal.evaluation.statistics.paired_tests import Description, by_patient, describe
from transmodal.metrics import uncertainty
from transmodal.metrics.table import finite
from transmodal.volumes import Volume

_NO_ORDER = "disagreement or error is the same at every voxel"


class DisagreementRow(NamedTuple):
    """What the disagreement of one translator on one case is worth.

    Attributes:
        case: id of the case.
        patient: id of the patient.
        translator: what made the synthetic volume.
        n: voxels, inside the evaluation mask where there is one.
        disagreement: mean of the disagreement by tenth of it, in the target's unit.
        error: mean absolute error in the same tenths, in the target's unit.
        spearman: rank correlation of disagreement and absolute error; NaN where one of them is constant.
        ause: area under the sparsification error; NaN where nothing errs.
        ause_random: that of an order that knows nothing.
    """

    case: str
    patient: str
    translator: str
    n: int
    disagreement: tuple[float, ...]
    error: tuple[float, ...]
    spearman: float
    ause: float
    ause_random: float

    def to_json(self) -> dict[str, Any]:
        """Return the row for JSON; what is not finite is null."""
        return {
            **self._asdict(),
            "disagreement": list(self.disagreement),
            "error": list(self.error),
            "spearman": finite(self.spearman),
            "ause": finite(self.ause),
            "ause_random": finite(self.ause_random),
        }


class Pooled(NamedTuple):
    """What the patients of one translator have in common; several cases of one patient are averaged first.

    Attributes:
        translator: what made the synthetic volumes.
        patients: how many.
        disagreement: mean over patients, by tenth.
        error: over patients, by tenth.
        spearman: over patients with one; None without any.
        ause: likewise.
        ause_random: likewise.
    """

    translator: str
    patients: int
    disagreement: tuple[float, ...]
    error: tuple[Description, ...]
    spearman: Description | None
    ause: Description | None
    ause_random: Description | None

    def to_json(self) -> dict[str, Any]:
        """Return means and intervals for JSON."""
        ends = [one.of_mean for one in self.error]
        return {
            "translator": self.translator,
            "patients": self.patients,
            "disagreement": list(self.disagreement),
            "error": [one.mean for one in self.error],
            "error_low": [None if one is None else one.low for one in ends],
            "error_high": [None if one is None else one.high for one in ends],
            "spearman": _mean(self.spearman),
            "ause": _mean(self.ause),
            "ause_random": _mean(self.ause_random),
        }


def row(case: PreparedCase, target: Volume, synthetic: Volume, spread: Volume, name: str) -> DisagreementRow:
    """Judge the disagreement on a case inside its mask, everywhere without one.

    Args:
        case: says the mask.
        target: as it is compared.
        synthetic: on the same grid.
        spread: the disagreement, on the same grid and in the same unit.
        name: of the translator.

    Raises:
        InputError: E130 for another shape, E120 for values that are not finite, E124 for an empty mask.
    """
    found = uncertainty.measure(target.voxels, synthetic.voxels, spread.voxels, mask=case.mask())
    tenths, sparsification = found.tenths, found.sparsification
    return DisagreementRow(
        case.id,
        case.patient,
        name,
        found.n,
        tenths.disagreement,
        tenths.error,
        found.spearman,
        sparsification.ause,
        sparsification.random,
    )


def pooled(rows: Sequence[DisagreementRow]) -> tuple[Pooled, ...]:
    """Return what rows have in common, per translator in order of appearance."""
    groups: dict[str, list[DisagreementRow]] = {}
    for one in rows:
        groups.setdefault(one.translator, []).append(one)
    return tuple(_pooled(name, members) for name, members in groups.items())


def protocol(unit: str, *, target_normalised: bool, mask: str = "") -> str:
    """Say on one line how the figures are taken."""
    parts = [
        "standard deviation over the passes of one translation, which is no calibrated uncertainty",
        f"inside the evaluation mask, {mask or 'everywhere in a case without one'}",
        "3D",
        f"in {unit}",
        uncertainty.DEFINITION,
    ]
    if target_normalised:
        parts.append("target-normalised: scaled to the training cohort's units by its own intensities")
    return "; ".join([*parts, "target's native grid"])


def record(
    rows: Sequence[DisagreementRow], found: Sequence[Pooled], how: str, volumes: Parts
) -> dict[str, Any] | None:
    """Return all for JSON, None without rows: figures of their own, that rank no translator."""
    if not rows:
        return None
    return {
        "protocol": how,
        "cases": [one.to_json() for one in rows],
        "patients": [one.to_json() for one in found],
        "volumes": to_json(volumes),
    }


def csv_records(rows: Iterable[DisagreementRow], unit: str, how: str) -> list[dict[str, Any]]:
    """Return the rows as those of other figures: one record per figure, tenths counted from 1."""
    records = []
    for one in rows:
        figures = {
            "disagreement_spearman": (one.spearman, "1"),
            "disagreement_ause": (one.ause, "1"),
            "disagreement_ause_random": (one.ause_random, "1"),
            **{f"disagreement_in_tenth_{n}": (value, unit) for n, value in enumerate(one.disagreement, 1)},
            **{f"mae_in_tenth_{n}": (value, unit) for n, value in enumerate(one.error, 1)},
        }
        whose = {"case": one.case, "patient": one.patient, "translator": one.translator, "protocol": how}
        records += [
            {**whose, "metric": name, "value": finite(value), "unit": own}
            | ({} if math.isfinite(value) else {"note": _NO_ORDER})
            for name, (value, own) in figures.items()
        ]
    return records


def _pooled(name: str, members: Sequence[DisagreementRow]) -> Pooled:
    def over(value: Callable[[DisagreementRow], float]) -> Description | None:
        known = by_patient((one.patient, value(one)) for one in members if math.isfinite(value(one)))
        return describe(np.array(list(known.values()))) if known else None

    tenths = range(len(members[0].error))
    errors = [over(lambda one, n=n: one.error[n]) for n in tenths]  # type: ignore[misc]  # bound now
    doubts = [over(lambda one, n=n: one.disagreement[n]) for n in tenths]  # type: ignore[misc]
    return Pooled(
        name,
        len({one.patient for one in members}),
        tuple(one.mean for one in doubts if one is not None),
        tuple(one for one in errors if one is not None),
        over(lambda one: one.spearman),
        over(lambda one: one.ause),
        over(lambda one: one.ause_random),
    )


def _mean(found: Description | None) -> dict[str, Any] | None:
    if found is None:
        return None
    low, high = found.of_mean or Interval(math.nan, math.nan)
    return {"n": found.n, "mean": found.mean, "low": finite(low), "high": finite(high)}
