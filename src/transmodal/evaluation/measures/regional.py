"""Means by region, measured and synthetic, and how well they agree over patients (Bland and Altman)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from transmodal.cohorts.store import PreparedCase
from transmodal.evaluation.statistics.agreement import BlandAltman, bland_altman
from transmodal.evaluation.statistics.bootstrap import Interval, Values
from transmodal.evaluation.statistics.paired_tests import by_patient
from transmodal.metrics.regions import tissue
from transmodal.metrics.table import finite
from transmodal.modalities import modality_in
from transmodal.volumes import Volume

PARTS = 10
DEFINITIONS = {
    "tissues": "air below -200 HU, soft tissue below 250 HU, bone from 250 HU on, by the measured values",
    "tenths": f"{PARTS} parts of equal size by the measured values, 1 the lowest",
}
"""Definitions of regions, by the record of the unit, beside the labels of a segmentation."""


class RegionRow(NamedTuple):
    """The mean of one region of one case.

    Attributes:
        case: id of the case.
        patient: id of the patient.
        translator: by which the synthetic volume was made.
        region: its name.
        n: voxels of the region inside the evaluation mask.
        measured: mean of the target there; NaN without voxels.
        synthetic: mean of the synthetic volume there; NaN without voxels.
    """

    case: str
    patient: str
    translator: str
    region: str
    n: int
    measured: float
    synthetic: float

    def to_json(self) -> dict[str, Any]:
        """Return the row for JSON; means of no voxels are null."""
        return {**self._asdict(), "measured": finite(self.measured), "synthetic": finite(self.synthetic)}


class RegionalAgreement(NamedTuple):
    """Agreement of a translator's means of one region with the measured ones.

    Attributes:
        translator: by which the synthetic volumes were made.
        region: its name.
        patients: who has voxels in it.
        measured: their measured means, in the same order.
        synthetic: their synthetic means.
        statistics: bias, limits of agreement, slope.
    """

    translator: str
    region: str
    patients: tuple[str, ...]
    measured: Values
    synthetic: Values
    statistics: BlandAltman

    def to_json(self) -> dict[str, Any]:
        """Return the statistics for JSON; the means are in the rows."""
        values = {name: _plain(value) for name, value in self.statistics._asdict().items()}
        return {"translator": self.translator, "region": self.region, **values}


def rows(
    case: PreparedCase,
    target: Volume,
    synthetic: Volume,
    name: str,
    unit: str,
    labels: Mapping[int, str] | None = None,
) -> list[RegionRow]:
    """Return the means of a case's regions inside its mask; none for units without regions.

    Where the case has a segmentation its labels are regions too.

    Args:
        case: says the mask, without which everything counts, and the segmentation.
        target: as it is compared.
        synthetic: on the same grid.
        name: of the translator.
        unit: of the values.
        labels: names of the segmentation's labels, as far as they have one.
    """
    mask = case.mask()
    inside = target.voxels if mask is None else target.voxels[mask]
    regions: list[tissue.RegionFigures] = []
    made_by = modality_in(unit).regions
    if made_by == "tissues":
        regions += tissue.by_tissue(target.voxels, synthetic.voxels, mask=mask)
    if made_by == "tenths" and np.ptp(inside) > 0:
        regions += tissue.by_decile(target.voxels, synthetic.voxels, mask=mask, parts=PARTS)
    segmentation = case.segmentation() if made_by is not None else None
    if segmentation is not None and (segmentation > 0).any():
        of_labels = tissue.by_label(target.voxels, synthetic.voxels, segmentation, mask=mask)
        regions += [region._replace(name=_label_name(int(region.name), labels or {})) for region in of_labels]
    return [
        RegionRow(
            case.id, case.patient, name, region.name, region.n, region.reference_mean, region.synthetic_mean
        )
        for region in regions
    ]


def _label_name(label: int, names: Mapping[int, str]) -> str:
    return f"{names[label]} (label {label})" if label in names else f"label {label}"


def agreements(region_rows: Sequence[RegionRow]) -> list[RegionalAgreement]:
    """Return the agreement per translator and region, in order of appearance, of two patients or more."""
    groups: dict[tuple[str, str], list[RegionRow]] = {}
    for row in region_rows:
        if row.n:
            groups.setdefault((row.translator, row.region), []).append(row)
    agreements_by_region = []
    for (translator, region), members in groups.items():
        measured = by_patient((row.patient, row.measured) for row in members)
        synthetic = by_patient((row.patient, row.synthetic) for row in members)
        if len(measured) > 1:
            pair = _array(synthetic.values()), _array(measured.values())
            agreements_by_region.append(
                RegionalAgreement(translator, region, tuple(measured), pair[1], pair[0], bland_altman(*pair))
            )
    return agreements_by_region


def _array(values: Iterable[float]) -> Values:
    return np.array(list(values), dtype=np.float64)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, Interval) else value
