"""Calibrate a run, or several as one, and count what their intervals hold of subjects that had no part in it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.evaluation.calibrate import calibrate, region_means, translate_case
from transmodal.evaluation.external.sites import ALL_CASES
from transmodal.evaluation.score import unit_of
from transmodal.experiments.study.units import Content
from transmodal.inference.ensemble import Translating, as_loaded
from transmodal.inference.intervals.calibration import Calibration
from transmodal.inference.intervals.conformal import highest_level
from transmodal.inference.intervals.interval import VoxelInterval
from transmodal.inference.load import load
from transmodal.inference.translation import Translation
from transmodal.volumes import Volume


class SubjectGroup(NamedTuple):
    """Subjects that the intervals are held against.

    Attributes:
        name: as tables say it.
        cohort: folder.
        split: side of its split, or `all`.
    """

    name: str
    cohort: Path
    split: str

    def cases(self) -> list[PreparedCase]:
        """Return the cases of the side."""
        return Cohort.open(self.cohort).cases(None if self.split == ALL_CASES else self.split)


class CoverageItem(NamedTuple):
    """A run, or several that translate together, and the subjects that calibrate and test it.

    Attributes:
        runs: folders.
        calibration: cohort whose validation subjects calibrate.
        groups: of subjects that test.
        levels: that are asked for.
        device: where networks run; None takes a GPU where there is one.
    """

    runs: tuple[Path, ...]
    calibration: Path
    groups: tuple[SubjectGroup, ...]
    levels: tuple[float, ...]
    device: str | None = None


def measure_coverage(item: CoverageItem) -> Content:
    """Return how the run was calibrated, and for every subject and level the share that its intervals hold.

    Raises:
        TransmodalError: as `evaluation.calibrate` and `Model.translate`.
    """
    model = as_loaded([load(run, device=item.device) for run in item.runs])
    calibration = calibrate(model, Cohort.open(item.calibration))
    intervals = _intervals(calibration, item.levels)
    names = Cohort.open(item.calibration).manifest.options.labels
    cases = []
    for group in item.groups:
        for case in group.cases():
            translation = translate_case(model, case)
            target = case.volume(model.preprocessing.target)
            means = region_means(translation, target, case, names)
            cases.append(
                {
                    "group": group.name,
                    "case": case.id,
                    "patient": case.patient,
                    "levels": {
                        f"{level:g}": {
                            **_count(interval.apply(translation, model.preprocessing.bounds), target),
                            "regions": _hold_means(interval, means),
                        }
                        for level, interval in intervals.items()
                    },
                }
            )
    return {
        "subjects": calibration.voxels.n_subjects,
        "highest_level": highest_level(calibration.voxels.n_subjects),
        "score": calibration.score,
        "unit": _unit(model),
        "levels": [f"{level:g}" for level in intervals],
        "cases": cases,
    }


def _intervals(calibration: Calibration, levels: tuple[float, ...]) -> dict[float, VoxelInterval]:
    """Return the interval of every level that the subjects suffice for.

    Raises:
        InputError: E142 where they suffice for none.
    """
    reachable = [level for level in levels if level <= highest_level(calibration.voxels.n_subjects)]
    if not reachable:
        raise calibration.too_high(min(levels))
    return {level: calibration.interval(level) for level in reachable}


def _count(translation: Translation, target: Volume) -> dict[str, float]:
    """Return the share of the region's voxels inside the interval, and the interval's mean width."""
    assert translation.interval is not None
    lower, upper = (end.voxels for end in translation.interval)
    region = translation.region
    inside = np.ones(target.grid.shape, np.bool_) if region is None else region.voxels > 0
    is_held = (lower <= target.voxels) & (target.voxels <= upper)
    return {
        "covered": float(is_held[inside].mean()),
        "width": float((upper - lower)[inside].mean(dtype=np.float64)),
    }


def _hold_means(interval: VoxelInterval, means: dict[str, tuple[float, float]]) -> dict[str, bool]:
    """Return for every region with a width whether the measured mean lies within it of the synthetic one."""
    widths = interval.about["region_means"]["half_widths"]
    return {
        name: abs(measured - synthetic) <= widths[name]
        for name, (measured, synthetic) in means.items()
        if name in widths
    }


def _unit(model: Translating) -> str:
    target, units = model.preprocessing.target, model.preprocessing.units
    return units.get(target) or unit_of(target)
