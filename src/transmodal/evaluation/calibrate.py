"""Calibration of a run's intervals: its errors on the validation subjects of a cohort, from which it has not learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from transmodal.cohorts.patient_marks import read_marks
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.inference.ensemble import Translating, members_of
from transmodal.inference.intervals import conformal
from transmodal.inference.intervals.calibration import Calibration, settings_of
from transmodal.inference.intervals.conformal import CondensedScores
from transmodal.inference.intervals.interval import Score, error_scores
from transmodal.inference.preprocessing import Preprocessing
from transmodal.inference.translation import Translation
from transmodal.metrics.regions import tissue
from transmodal.modalities import modality_of
from transmodal.progress import CountProgress
from transmodal.volumes import Volume

SPLIT = "validation"
"""Never the training subjects, whose errors are smaller, and never the test subjects, who tell whether it holds."""

WHOLE = "region"
"""Name of the region where a run translates, beside those of a segmentation's labels."""

_FLOOR = 0.01
"""Of the span that the run's map of the target has: what the least disagreement is taken for."""


class CaseErrors(NamedTuple):
    """The errors of one case.

    Attributes:
        patient: whose case it is.
        scores: of its voxels.
        regions: absolute errors of the means of its regions, by name.
    """

    patient: str
    scores: CondensedScores
    regions: dict[str, float]


def calibrate(model: Translating, cohort: Cohort, progress: CountProgress | None = None) -> Calibration:
    """Translate the validation subjects of a cohort, and keep how far the run errs on them.

    Args:
        model: a run, or several as one, with the passes that intervals will be asked for.
        cohort: prepared, with the run's sources and its target.
        progress: told how far it is.

    Raises:
        UsageError: E004 for a target in colour.
        InputError: E132 without validation subjects, E131 for one who lacks a modality, E135 for a run that has learned
            from one of them.
    """
    preprocessing = model.preprocessing
    if modality_of(preprocessing.target).is_colour:
        raise UsageError(
            "E004",
            f"intervals of {preprocessing.target}, in colour",
            "a grey target",
            "Leave the interval out.",
        )
    cohort = cohort.named_for((*preprocessing.sources, preprocessing.target))
    cases = cohort.cases(SPLIT)
    if not cases:
        raise InputError(
            "E132",
            f"cohort {cohort.manifest.name} without {SPLIT} subjects",
            "subjects that the run has not learned from",
            "Split it again with validation subjects: transmodal resplit.",
        )
    _check_unit(preprocessing, cohort)
    notes = [*_check_training(model, cohort, cases), *_selection(model)]
    names = cohort.manifest.options.labels
    score: Score = "normalised" if _has_passes(model) else "absolute"
    floor = _FLOOR * 2.0 / abs(preprocessing.target_map.scale) if score == "normalised" else 0.0
    errors = []
    for n, case in enumerate(cases, start=1):
        errors.append(_errors_of(model, case, score, floor, names))
        if progress is not None:
            progress(n, len(cases))
    return Calibration(
        settings_of(model),
        preprocessing.target,
        cohort.digest(),
        SPLIT,
        score,
        floor,
        conformal.pool(conformal.average(scores) for scores in _by_patient(errors)),
        _regions(errors),
        tuple(notes),
    )


def translate_case(model: Translating, case: PreparedCase) -> Translation:
    """Translate a prepared case on its canonical grid, as a volume of its own would be."""
    present = model.preprocessing.present(case.modalities)
    return model.translate({name: case.volume(name) for name in present}, gate="off")


def region_means(
    translation: Translation, target: Volume, case: PreparedCase, names: Mapping[int, str]
) -> dict[str, tuple[float, float]]:
    """Return the mean of the target and of the synthetic volume in each region, by name: the whole, and each label.

    Args:
        translation: of the case.
        target: on the same grid.
        case: says the segmentation.
        names: of its labels, as far as they have one.
    """
    inside = (
        np.ones(target.grid.shape, np.bool_) if translation.region is None else translation.region.voxels > 0
    )
    if not inside.any():
        return {}
    measured, synthetic = target.voxels, translation.volume.voxels
    means = {
        WHOLE: (
            float(measured[inside].mean(dtype=np.float64)),
            float(synthetic[inside].mean(dtype=np.float64)),
        )
    }
    segmentation = case.segmentation()
    if segmentation is None or not (segmentation > 0).any():
        return means
    for figures in tissue.by_label(measured, synthetic, segmentation, mask=inside):
        if figures.n:
            label = int(figures.name)
            means[names.get(label, f"label {label}")] = (figures.reference_mean, figures.synthetic_mean)
    return means


def _errors_of(
    model: Translating, case: PreparedCase, score: Score, floor: float, names: Mapping[int, str]
) -> CaseErrors:
    preprocessing = model.preprocessing
    translation, target = translate_case(model, case), case.volume(preprocessing.target)
    scores = error_scores(translation, target, score, floor, preprocessing.bounds)
    means = region_means(translation, target, case, names)
    return CaseErrors(
        case.patient,
        conformal.condense(scores),
        {name: abs(measured - synthetic) for name, (measured, synthetic) in means.items()},
    )


def _by_patient(errors: Sequence[CaseErrors]) -> list[list[CondensedScores]]:
    """Return the scores of each patient's cases: visits of one are no subjects of their own."""
    scores: dict[str, list[CondensedScores]] = {}
    for case in errors:
        scores.setdefault(case.patient, []).append(case.scores)
    return list(scores.values())


def _regions(errors: Sequence[CaseErrors]) -> dict[str, tuple[float, ...]]:
    """Return the errors of each region, one for each patient who has it: of several visits the largest."""
    regions: dict[str, dict[str, float]] = {}
    for case in errors:
        for name, error in case.regions.items():
            patients = regions.setdefault(name, {})
            patients[case.patient] = max(error, patients.get(case.patient, 0.0))
    return {name: tuple(sorted(patients.values())) for name, patients in regions.items()}


def _has_passes(model: Translating) -> bool:
    """Tell whether a translation has a disagreement: of several runs, or of several passes of one."""
    return len(members_of(model)) > 1 or _count_passes(model.preprocessing) > 1


def _count_passes(preprocessing: Preprocessing) -> int:
    axes = 1 if preprocessing.cutting.kind == "patch" else len(preprocessing.axes)
    return axes * preprocessing.draws * (1 + len(preprocessing.flips))


def _check_unit(preprocessing: Preprocessing, cohort: Cohort) -> None:
    target = preprocessing.target
    unit_of_run, unit_of_cohort = (
        units.get(target, "its own unit") for units in (preprocessing.units, cohort.units())
    )
    if unit_of_run != unit_of_cohort:
        raise InputError(
            "E136",
            f"{target} of cohort {cohort.manifest.name} in {unit_of_cohort}",
            f"{unit_of_run}, which the run makes",
            "Prepare the cohort in that unit.",
        )


def _check_training(model: Translating, cohort: Cohort, cases: Sequence[PreparedCase]) -> list[str]:
    """Refuse subjects that a run has learned from; return a note where that cannot be told."""
    notes = []
    for member in members_of(model):
        marks = read_marks(member.provenance)
        learned = (
            None if marks is None else marks.find([case.patient for case in cases], cohort.patient_keys())
        )
        if learned:
            raise InputError(
                "E135",
                f"{member.recipe.name} learned from {len(learned)} of the {SPLIT} subjects, such as {learned[0]}",
                "subjects that it has not learned from",
                "Name the cohort that it was trained on, with its split, or another one.",
            )
        if learned is None:
            notes.append(
                f"not tested whether {member.recipe.name} learned from these subjects: the cohort has no key of its marks"
            )
    return notes


def _selection(model: Translating) -> list[str]:
    """Say where the subjects may have chosen the weights that they calibrate."""
    names = {None if member.fingerprint is None else member.fingerprint.name for member in members_of(model)}
    if "best" not in names:
        return []
    return [
        "the best checkpoint is the one with the best validation figures: where these subjects chose it, other subjects' "
        "errors are a little larger; calibrate and translate with --checkpoint last to leave that out"
    ]
