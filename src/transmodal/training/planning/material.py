"""Material: all that a training asks of its cohort, asked once; the rest of the planning works on these values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from transmodal.checkpoint import CohortMark
from transmodal.cohorts.patient_marks import mark_patients
from transmodal.cohorts.quality import assumed_spacing
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError
from transmodal.evaluation.measures.reference_mask import kinds_of, mask_cases
from transmodal.recipes.schema import Recipe
from transmodal.volumes.intensity import IntensitySpec


class Material(NamedTuple):
    """A cohort as a recipe's task sees it, with modalities named as the recipe names them.

    Attributes:
        mark: which cohort it is, and whose cases it trains on.
        folder: of the cohort.
        training: cases of the training split.
        validation: cases of the validation split, with the mask that their figures are taken in.
        channels: of each modality of the task, 1 for grey and 3 for colour.
        units: of the task's modalities that are not in their own.
        intensity: maps that the cohort was prepared with, by modality.
    """

    mark: CohortMark
    folder: Path
    training: tuple[PreparedCase, ...]
    validation: tuple[PreparedCase, ...]
    channels: Mapping[str, int]
    units: Mapping[str, str]
    intensity: Mapping[str, IntensitySpec]


def read_material(recipe: Recipe, cohort: Cohort) -> Material:
    """Return what a training takes from a cohort.

    Args:
        recipe: resolved.
        cohort: prepared.

    Raises:
        InputError: E132 without a training case.
        UsageError: E004 for a spacing and pictures that do not say theirs.
    """
    target = recipe.task.target
    modalities = (*recipe.task.source, target)
    cohort = cohort.named_for(modalities)
    training, validation = cohort.cases("train"), cohort.cases("validation")
    if not training:
        raise InputError(
            "E132",
            "no training case",
            "one or more",
            "Prepare the cohort with a larger share of training cases.",
        )
    cases = [*training, *validation]
    remedy = ", or take pixels as they are: --set data.spacing_mm=null"
    assumed_spacing.check(cases, recipe.data.spacing_mm, remedy)
    marks = mark_patients(cohort.patient_keys(), [case.patient for case in training])
    return Material(
        mark=CohortMark(cohort.manifest.name, cohort.digest(), tuple(sorted(marks.marks)), marks.key),
        folder=cohort.folder,
        training=tuple(training),
        validation=tuple(mask_cases(cohort, validation, target, kinds_of(recipe.data.region))),
        channels={name: _channels(name, cases) for name in modalities},
        units={name: unit for name, unit in cohort.units().items() if name in modalities},
        intensity=cohort.manifest.options.intensity,
    )


def _channels(modality: str, cases: Sequence[PreparedCase]) -> int:
    """Return a modality's channels in the first case that has it; grey where none has it."""
    return next((case.n_channels(modality) for case in cases if modality in case.modalities), 1)
