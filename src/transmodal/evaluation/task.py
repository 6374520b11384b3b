"""What is evaluated on what, worked out of a cohort and a model's preprocessing of it."""

from __future__ import annotations

from collections.abc import Sequence

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.result import Reference, Subject
from transmodal.evaluation.score import range_of, unit_of
from transmodal.inference.preprocessing import Preprocessing
from transmodal.volumes import intensity

WITHIN = (
    "Within-subject: slabs of one body trained, chose and test. Figures hold for this body alone and say nothing "
    "about another."
)


def subject_of(cohort: Cohort, preprocessing: Preprocessing, sources: tuple[str, ...], split: str) -> Subject:
    """Return the subject of an evaluation on a side of a cohort's split.

    Args:
        cohort: what is scored on, and what the target's range of values is taken from.
        preprocessing: says the target and how it was mapped.
        sources: source modalities of all runs.
        split: `train`, `validation` or `test`.

    Raises:
        InputError: E136 when the cohort has a modality in another unit than the preprocessing.
    """
    training = cohort.cases("train")
    units = _units(cohort, preprocessing, sources)
    unit = units.get(preprocessing.target, "")
    return Subject(
        sources,
        preprocessing.target,
        range_of(
            preprocessing.target,
            _reference(preprocessing.target, unit, preprocessing.target_map, training),
            unit,
        ),
        cohort.manifest.name,
        cohort.digest(),
        split,
        len(training),
        simulated(cohort, (*sources, preprocessing.target)),
        notes=(WITHIN,) if cohort.split.by == "within-subject" else (),
        training_patients=tuple(sorted({case.patient for case in training})),
        units=units,
        labels=cohort.manifest.options.labels,
    )


def _units(cohort: Cohort, preprocessing: Preprocessing, sources: tuple[str, ...]) -> dict[str, str]:
    """Return the units that are not the modalities' own; refuse a cohort in other units than the training's."""
    here = cohort.units()
    for name in (*sources, preprocessing.target):
        if name in cohort.modalities and here.get(name, "") != preprocessing.units.get(name, ""):
            raise InputError(
                "E136",
                f"{name} in {unit_of(name, here.get(name, ''))} in cohort {cohort.manifest.name}",
                f"{unit_of(name, preprocessing.units.get(name, ''))}, which the run learned from",
                "Score it on a cohort in that unit.",
            )
    return {name: unit for name, unit in here.items() if name in (*sources, preprocessing.target)}


def reference_units(preprocessing: Preprocessing) -> Reference:
    """Return what a target without a unit is scaled to.

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
    target: str, unit: str, mapped_by: intensity.IntensityMap, training: Sequence[PreparedCase]
) -> intensity.IntensityMap:
    """Return a bounded map of the target: the model's own, or percentiles where it is mapped by z-scores."""
    if mapped_by.low is not None or not training:
        return mapped_by
    spec = intensity.MR_DEFAULT if unit else intensity.spec_for(target)
    return intensity.reference(
        [intensity.fit(spec, case.volume(target).voxels, case.mask()) for case in training]
    )
