"""Checks of a cohort's cases: enough of them, with the labels and regions that a recipe and its translator need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transmodal.cohorts.quality import assumed_spacing
from transmodal.cohorts.store import PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.recipes.schema import Recipe
from transmodal.training.planning.config import n_channels
from transmodal.training.planning.pairing import region_modality
from transmodal.translators._base import Translator


def check_cases(recipe: Recipe, training: Sequence[PreparedCase], validation: Sequence[PreparedCase]) -> None:
    """Check that there is a training case, and that a working spacing has real voxel sizes to start from.

    Raises:
        InputError: E132 without a training case.
        UsageError: E004 for a spacing and pictures that do not say theirs.
    """
    if not training:
        raise InputError(
            "E132",
            "no training case",
            "one or more",
            "Prepare the cohort with a larger share of training cases.",
        )
    assumed_spacing.check(
        [*training, *validation],
        recipe.data.spacing_mm,
        ", or take pixels as they are: --set data.spacing_mm=null",
    )


def check_options(recipe: Recipe, blank: Translator[Any], validation: Sequence[PreparedCase]) -> None:
    """Check early stopping against the validation cases, and dropped sources against the translator.

    Raises:
        InputError: E132 for early stopping without a validation case.
        UsageError: E004 for dropped sources of a translator that needs all.
    """
    if not validation and recipe.training.early_stopping is not None:
        raise InputError(
            "E132",
            "no validation case, and training.early_stopping",
            "a validation case to stop by",
            "Prepare the cohort with a validation share, or set training.early_stopping=null.",
        )
    if recipe.training.augment.drop_sources > 0 and not blank.accepts_missing:
        raise UsageError(
            "E004",
            f"training.augment.drop_sources for {recipe.translator}",
            "a translator that accepts missing sources",
            "Set training.augment.drop_sources=0.",
        )


def check_needs(recipe: Recipe, blank: Translator[Any], cases: Sequence[PreparedCase]) -> None:
    """Check that every case has the labels and the region that are needed, and each modality one kind of voxels.

    Raises:
        InputError: E131 for a missing mask or segmentation, E122 for a modality that is grey here and colour there,
            and as `PreparedCase.region`.
    """
    for case in cases:
        for need, entry in (("mask", case.entry.mask), ("segmentation", case.entry.segmentation)):
            if need in blank.needs and entry is None:
                raise InputError(
                    "E131",
                    f"case {case.id} without {need}",
                    f"a {need} in every case, which {recipe.translator} needs",
                    f"Prepare the cohort with a {need} per case, or choose another translator.",
                )
        case.region(region_modality(recipe, case), recipe.data.region)
        for modality in (*recipe.task.source, recipe.task.target):
            if modality in case.modalities and n_channels([case], modality) != n_channels(cases, modality):
                raise InputError(
                    "E122",
                    f"{modality} in colour in one of {cases[0].id} and {case.id}, grey in the other",
                    "one kind per modality",
                    "Prepare the cohort from images of one kind.",
                )
