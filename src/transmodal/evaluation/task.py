"""The task of an evaluation: which modality is synthesised from which, on which cases, in which units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from transmodal.cohorts.options import RegionKind
from transmodal.cohorts.patient_marks import UNKEYED, PatientKey
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.measures.reference_mask import ReferenceMask
from transmodal.evaluation.score import range_of, unit_of
from transmodal.inference.preprocessing import Preprocessing
from transmodal.modalities import ROBUST, modality_of
from transmodal.volumes import intensity
from transmodal.volumes.intensity import IntensityMap

WITHIN = (
    "Within-subject: slabs of one body trained, chose and test. Figures hold for this body alone and say nothing "
    "about another."
)


class Reference(NamedTuple):
    """The units of the training cohort that targets without a unit are scaled to.

    Attributes:
        map: the training cohort's map of the target.
        source: modality in which the region lies where maps are fitted.
        region: that region, the same as in training.
    """

    map: IntensityMap
    source: str
    region: RegionKind


@dataclass(frozen=True, slots=True)
class EvaluationTask:
    """The target, its sources and the cases that an evaluation is on.

    Attributes:
        sources: source modalities.
        target: target modality.
        data_range: width of the target's range of values.
        cohort: name of the cohort.
        digest: hash of the cohort's content and split.
        split: which side of the split.
        n_training: cases that oracles, and models of this cohort, are fitted on.
        simulated: modalities that no scanner measured.
        notes: remarks for a reader, such as the limits of an embedded cohort.
        reference: units that targets are scaled to by their own intensities; None leaves them as they are.
        fitted_on: name of the cohort that oracles are fitted on; empty where it is this one.
        training_patients: of the cohort's training split; their marks are kept, to find leaks by.
        keys: that patients are marked with: the scored cohort's, its own first, then the training cohort's; none where
            they cannot be read.
        units: of modalities whose values are not in their own unit, such as `{"ct": "grey level"}`.
        mask: the region of the target that is the evaluation mask; None where the data set gives masks.
        labels: names of the segmentation's labels, as far as the cohort has them.
        left_out: ids of cases of the split that are not scored, since a participant has no volume of them.
        has_resampled: whether some synthetic volume lay on another grid and was brought onto the target's; it is
            stamped into every figure's protocol, since in one table all are under one.
        has_fitted: whether some program's values were fitted to the targets'; stamped likewise.
    """

    sources: tuple[str, ...]
    target: str
    data_range: float
    cohort: str
    digest: str
    split: str
    n_training: int = 0
    simulated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    reference: Reference | None = None
    training_patients: tuple[str, ...] = ()
    keys: tuple[PatientKey, ...] = (UNKEYED,)
    fitted_on: str = ""
    units: Mapping[str, str] = field(default_factory=dict)
    mask: ReferenceMask | None = None
    labels: Mapping[int, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    has_resampled: bool = False
    has_fitted: bool = False

    @property
    def unit(self) -> str:
        """Unit of the target's values."""
        return unit_of(self.target, self.units.get(self.target, ""))

    @property
    def mask_text(self) -> str:
        """The evaluation mask in words; empty for the data set's."""
        return "" if self.mask is None else self.mask.text()


def build_task(
    cohort: Cohort, preprocessing: Preprocessing, sources: tuple[str, ...], split: str
) -> EvaluationTask:
    """Return the task of an evaluation on a side of a cohort's split.

    Args:
        cohort: the scored one, from which the target's range of values is taken.
        preprocessing: of the model, with the target and its intensity map.
        sources: source modalities of all runs.
        split: `train`, `validation` or `test`.

    Raises:
        InputError: E136 when the cohort has a modality in another unit than the preprocessing.
    """
    target, training = preprocessing.target, cohort.cases("train")
    units = _units(cohort, preprocessing, sources)
    unit = units.get(target, "")
    reference = _reference(target, unit, preprocessing.target_map, training)
    return EvaluationTask(
        sources,
        target,
        range_of(target, reference, unit),
        cohort.manifest.name,
        cohort.digest(),
        split,
        len(training),
        simulated(cohort, (*sources, target)),
        notes=(WITHIN,) if cohort.split.by == "within-subject" else (),
        training_patients=tuple(sorted({case.patient for case in training})),
        keys=cohort.patient_keys(),
        units=units,
        labels=cohort.manifest.options.labels,
    )


def _units(cohort: Cohort, preprocessing: Preprocessing, sources: tuple[str, ...]) -> dict[str, str]:
    """Return the units that are not the modalities' own; refuse a cohort in other units than the training's."""
    units = cohort.units()
    for name in (*sources, preprocessing.target):
        if name in cohort.modalities and units.get(name, "") != preprocessing.units.get(name, ""):
            raise InputError(
                "E136",
                f"{name} in {unit_of(name, units.get(name, ''))} in cohort {cohort.manifest.name}",
                f"{unit_of(name, preprocessing.units.get(name, ''))}, which the run learned from",
                "Score it on a cohort in that unit.",
            )
    return {name: unit for name, unit in units.items() if name in (*sources, preprocessing.target)}


def lacks_pairs(cases: Sequence[PreparedCase], sources: Sequence[str], target: str) -> bool:
    """Return whether there are cases, and none of them has both a source and the target."""
    return bool(cases) and not any(
        target in case.modalities and sources[0] in case.modalities for case in cases
    )


def check_pairs(cases: Sequence[PreparedCase], cohort: str, split: str, preprocessing: Preprocessing) -> None:
    """Refuse cases none of which has both the first source and the target.

    Raises:
        InputError: E131.
    """
    if lacks_pairs(cases, preprocessing.sources, preprocessing.target):
        raise InputError(
            "E131",
            f"no {split} case of {cohort} has both {preprocessing.sources[0]} and {preprocessing.target}",
            "pairs to score",
            "What needs no pair is taken by transmodal.evaluation.unpaired.evaluate_unpaired; the command evaluate does so "
            "by itself.",
        )


def reference_units(preprocessing: Preprocessing) -> Reference:
    """Return the units that a target without a unit is scaled to.

    Raises:
        UsageError: E004 for a target with a unit.
    """
    if preprocessing.target_map.spec.method == "window":
        raise UsageError(
            "E004",
            f"--target-normalised for {preprocessing.target}, which has a unit",
            "a target without one, such as an MR contrast",
            "Leave it out.",
        )
    return Reference(preprocessing.target_map, preprocessing.sources[0], preprocessing.region)


def simulated(cohort: Cohort, modalities: Sequence[str]) -> tuple[str, ...]:
    """Return those of the modalities that are simulated in some case of the cohort."""
    return tuple(
        name
        for name in modalities
        if any(name in case.volumes and case.volumes[name].simulated for case in cohort.manifest.cases)
    )


def _reference(
    target: str, unit: str, mapped_by: IntensityMap, training: Sequence[PreparedCase]
) -> IntensityMap:
    """Return a bounded map of the target: the model's own, or percentiles where it is mapped by z-scores."""
    if mapped_by.low is not None or not training:
        return mapped_by
    spec = ROBUST if unit else modality_of(target).intensity
    return intensity.cohort_map(
        [intensity.fit(spec, case.volume(target).voxels, case.mask()) for case in training]
    )
