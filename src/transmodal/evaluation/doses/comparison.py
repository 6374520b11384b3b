"""Two dose volumes of one plan compared, structure by structure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from transmodal._version import __version__
from transmodal.errors import InputError
from transmodal.evaluation.doses import structures as dose_structures
from transmodal.evaluation.doses.structures import DoseRegion
from transmodal.metrics.regions.dose import Criterion, DvhFigures, Gamma, dvh, gamma
from transmodal.notice import INTENDED_USE
from transmodal.volumes import Volume


class StructureDose(NamedTuple):
    """Both doses in one structure.

    Attributes:
        label: the structure's number.
        reference: figures of the reference's histogram.
        evaluated: of the evaluated dose's.
        pass_percent: share of the structure's points above the cut-off that pass; None where there is none.
        n_points: how many those are.
        name: empty for a label of a map.
    """

    label: int
    reference: DvhFigures
    evaluated: DvhFigures
    pass_percent: float | None
    n_points: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class DoseComparison:
    """Two doses compared.

    Attributes:
        criterion: when points agree.
        gamma: of the whole volume.
        structures: by label.
    """

    criterion: Criterion
    gamma: Gamma
    structures: tuple[StructureDose, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the figures for JSON: the criterion, and each figure with its unit in its name."""
        whole = self.gamma
        return {
            "intended_use": INTENDED_USE,
            "tool": {"name": "transmodal", "version": __version__},
            "criterion": {
                **self.criterion.to_json(),
                "normalisation_gy": whole.normalisation_gy,
                "definition": "Low 1998; evaluated dose linear between voxel centres, searched on a lattice of "
                "distance_mm / steps (Wendling 2007); the cut-off is by the reference's dose",
            },
            "gamma": {"pass_percent": whole.pass_percent, "mean": whole.mean, "n_points": whole.n_points},
            "structures": [
                {
                    "label": structure.label,
                    **({"name": structure.name} if structure.name else {}),
                    "reference": _dvh_record(structure.reference),
                    "evaluated": _dvh_record(structure.evaluated),
                    "gamma": {"pass_percent": structure.pass_percent, "n_points": structure.n_points},
                }
                for structure in self.structures
            ],
        }

    def text(self) -> str:
        """Return a plain table."""
        rule, whole = self.criterion, self.gamma
        lines = [
            f"Gamma {rule.dose_percent:g} % / {rule.distance_mm:g} mm, {rule.normalisation}, of "
            f"{whole.normalisation_gy:.4g} Gy, above {rule.cutoff_percent:g} %: {whole.pass_percent:.2f} % of "
            f"{whole.n_points} points pass, mean {whole.mean:.3f}"
        ]
        for structure in self.structures:
            rate = (
                "no point above the cut-off"
                if structure.pass_percent is None
                else f"{structure.pass_percent:.2f} % pass"
            )
            pairs = zip(
                _dvh_record(structure.reference).items(),
                _dvh_record(structure.evaluated).values(),
                strict=True,
            )
            figures = ", ".join(
                f"{_TITLES.get(name, name)} {a:.3g} \N{RIGHTWARDS ARROW} {b:.3g} Gy"
                for (name, a), b in pairs
                if name.endswith("_gy") and isinstance(a, float)
            )
            title = structure.name or f"Structure {structure.label}"
            lines.append(f"{title}: {rate}; {figures}")
        return "\n".join(lines)


def compare_doses(
    reference: Volume,
    evaluated: Volume,
    structures: Volume | Sequence[DoseRegion] = (),
    criterion: Criterion | None = None,
    *,
    at_least_gy: Sequence[float] = (),
) -> DoseComparison:
    """Compare the dose on a synthetic image with that on the reference, both as a planning system computed them.

    Args:
        reference: dose in Gy.
        evaluated: dose in Gy, on the same grid; it is never resampled here, which would change it.
        structures: label map on the same grid, integers, of which 0 is background; or masks with their names.
        criterion: None takes 2 % / 2 mm, global, above 10 %.
        at_least_gy: doses at which the histograms are asked for volumes.

    Raises:
        InputError: E130 for grids that differ, E123 for structures that are no labels, E124 where there are none,
            and as `metrics.dose.gamma`.
        UsageError: as `metrics.dose.gamma`.
    """
    _check_grid("the evaluated dose", reference, evaluated)
    rule = criterion or Criterion()
    regions = structures if not isinstance(structures, Volume) else label_regions(structures, reference)
    whole = gamma(reference.voxels, evaluated.voxels, reference.spacing, rule)
    doses = tuple(_structure(reference, evaluated, whole, region, at_least_gy) for region in regions)
    return DoseComparison(rule, whole, doses)


def label_regions(labels: Volume, reference: Volume) -> tuple[DoseRegion, ...]:
    """Return the structures of a label map that lies on a dose's grid.

    Raises:
        InputError: E130 for another grid, and as `structures.of_labels`.
    """
    _check_grid("the structures", reference, labels)
    return dose_structures.of_labels(labels)


_TITLES = {"mean_gy": "mean", "d98_gy": "D98", "d95_gy": "D95", "d2_gy": "D2"}


def _structure(
    reference: Volume,
    evaluated: Volume,
    whole: Gamma,
    region: DoseRegion,
    at_least_gy: Sequence[float],
) -> StructureDose:
    inside = region.mask
    values = whole.values[inside]
    values = values[~np.isnan(values)]
    rate = 100 * float(np.count_nonzero(values <= 1)) / values.size if values.size else None
    reference_figures, evaluated_figures = (
        dvh(dose.voxels, inside, at_least_gy=at_least_gy) for dose in (reference, evaluated)
    )
    return StructureDose(region.label, reference_figures, evaluated_figures, rate, values.size, region.name)


def _dvh_record(figures: DvhFigures) -> dict[str, Any]:
    volumes = {f"v{gy:g}gy_percent": share for gy, share in figures.at_least_percent.items()}
    plain = figures._asdict()
    del plain["at_least_percent"]
    return {**plain, **volumes}


def _check_grid(name: str, reference: Volume, volume: Volume) -> None:
    if not reference.grid.same_as(volume.grid):
        raise InputError(
            "E130",
            f"{name} of shape {volume.grid.shape} at {volume.grid.origin} mm, the reference dose of shape "
            f"{reference.grid.shape} at {reference.grid.origin} mm",
            "one grid",
            "Export both from the planning system on one dose grid; doses are never resampled here.",
        )
