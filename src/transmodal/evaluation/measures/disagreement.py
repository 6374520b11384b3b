"""How well the disagreement of a translator's passes shows where it errs: per case, and over patients."""

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
    """Figures of the disagreement of one translator on one case.

    Attributes:
        case: id of the case.
        patient: id of the patient.
        translator: by which the synthetic volume was made.
        n: voxels, inside the evaluation mask where there is one.
        disagreement: mean of the disagreement by tenth of it, in the target's unit.
        error: mean absolute error in the same tenths, in the target's unit.
        spearman: rank correlation of disagreement and absolute error; NaN where one of them is constant.
        ause: area under the sparsification error; NaN where nothing errs.
        ause_random: that of a random order.
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


class DisagreementOverPatients(NamedTuple):
    """Figures of the disagreement over the patients of one translator; several cases of one patient are averaged first.

    Attributes:
        translator: by which the synthetic volumes were made.
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
        ends = [tenth.of_mean for tenth in self.error]
        return {
            "translator": self.translator,
            "patients": self.patients,
            "disagreement": list(self.disagreement),
            "error": [tenth.mean for tenth in self.error],
            "error_low": [None if interval is None else interval.low for interval in ends],
            "error_high": [None if interval is None else interval.high for interval in ends],
            "spearman": _mean(self.spearman),
            "ause": _mean(self.ause),
            "ause_random": _mean(self.ause_random),
        }


def row(case: PreparedCase, target: Volume, synthetic: Volume, spread: Volume, name: str) -> DisagreementRow:
    """Measure the disagreement on a case inside its mask, everywhere without one.

    Args:
        case: says the mask.
        target: as it is compared.
        synthetic: on the same grid.
        spread: the disagreement, on the same grid and in the same unit.
        name: of the translator.

    Raises:
        InputError: E130 for another shape, E120 for values that are not finite, E124 for an empty mask.
    """
    figures = uncertainty.measure(target.voxels, synthetic.voxels, spread.voxels, mask=case.mask())
    tenths, sparsification = figures.tenths, figures.sparsification
    return DisagreementRow(
        case.id,
        case.patient,
        name,
        figures.n,
        tenths.disagreement,
        tenths.error,
        figures.spearman,
        sparsification.ause,
        sparsification.random,
    )


def pool(rows: Sequence[DisagreementRow]) -> tuple[DisagreementOverPatients, ...]:
    """Return the figures over patients, per translator in order of appearance."""
    groups: dict[str, list[DisagreementRow]] = {}
    for member in rows:
        groups.setdefault(member.translator, []).append(member)
    return tuple(_pool(name, members) for name, members in groups.items())


def protocol(unit: str, *, target_normalised: bool, mask: str = "") -> str:
    """Return the protocol of the figures on one line."""
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
    rows: Sequence[DisagreementRow], patients: Sequence[DisagreementOverPatients], how: str, volumes: Parts
) -> dict[str, Any] | None:
    """Return all for JSON, None without rows: figures of their own, that rank no translator."""
    if not rows:
        return None
    return {
        "protocol": how,
        "cases": [case_row.to_json() for case_row in rows],
        "patients": [patient.to_json() for patient in patients],
        "volumes": to_json(volumes),
    }


def csv_records(rows: Iterable[DisagreementRow], unit: str, how: str) -> list[dict[str, Any]]:
    """Return the rows as those of other figures: one record per figure, tenths counted from 1."""
    records = []
    for case_row in rows:
        figures = {
            "disagreement_spearman": (case_row.spearman, "1"),
            "disagreement_ause": (case_row.ause, "1"),
            "disagreement_ause_random": (case_row.ause_random, "1"),
            **{
                f"disagreement_in_tenth_{n}": (value, unit)
                for n, value in enumerate(case_row.disagreement, 1)
            },
            **{f"mae_in_tenth_{n}": (value, unit) for n, value in enumerate(case_row.error, 1)},
        }
        identity = {
            "case": case_row.case,
            "patient": case_row.patient,
            "translator": case_row.translator,
            "protocol": how,
        }
        records += [
            {**identity, "metric": name, "value": finite(value), "unit": own}
            | ({} if math.isfinite(value) else {"note": _NO_ORDER})
            for name, (value, own) in figures.items()
        ]
    return records


def _pool(name: str, members: Sequence[DisagreementRow]) -> DisagreementOverPatients:
    def over(value: Callable[[DisagreementRow], float]) -> Description | None:
        of_patients = by_patient(
            (member.patient, value(member)) for member in members if math.isfinite(value(member))
        )
        return describe(np.array(list(of_patients.values()))) if of_patients else None

    tenths = range(len(members[0].error))
    errors = [over(lambda member, n=n: member.error[n]) for n in tenths]  # type: ignore[misc]  # bound now
    disagreements = [over(lambda member, n=n: member.disagreement[n]) for n in tenths]  # type: ignore[misc]
    return DisagreementOverPatients(
        name,
        len({member.patient for member in members}),
        tuple(tenth.mean for tenth in disagreements if tenth is not None),
        tuple(tenth for tenth in errors if tenth is not None),
        over(lambda member: member.spearman),
        over(lambda member: member.ause),
        over(lambda member: member.ause_random),
    )


def _mean(description: Description | None) -> dict[str, Any] | None:
    if description is None:
        return None
    low, high = description.of_mean or Interval(math.nan, math.nan)
    return {"n": description.n, "mean": description.mean, "low": finite(low), "high": finite(high)}
