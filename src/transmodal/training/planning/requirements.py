"""Checks of a cohort's cases: with the labels and regions that a recipe and its translator need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transmodal.cohorts.store import PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.recipes.schema import Recipe
from transmodal.training.alignment import structure
from transmodal.training.planning.material import Material
from transmodal.translators._base import Translator


def check_needs(
    recipe: Recipe, blank: Translator[Any], material: Material, validation: Sequence[PreparedCase]
) -> None:
    """Check that the cohort has what the recipe and its translator need: labels, regions, one kind of voxels.

    The region of a training case is read when its maps are fitted.

    Args:
        recipe: resolved.
        blank: the translator without weights.
        material: the cohort's.
        validation: its cases that can be validated.

    Raises:
        UsageError: E004 for dropped sources of a translator that needs all, for wrong segmentations of one that looks at
            none, and for alignment of one that learns without pairs or makes no image while it learns.
        InputError: E132 for early stopping without a validation case, E131 for a missing mask or segmentation, E122 for
            a modality that is grey here and colour there, and as `PreparedCase.region`.
    """
    _check_options(recipe, blank, has_validation=bool(material.validation))
    _check_alignment(recipe, blank)
    cases = [*material.training, *validation]
    _check_labels(recipe.translator, blank.needs, cases)
    _check_channels(material.channels, cases)
    for case in validation:
        case.region(recipe.task.source[0], recipe.data.region)


def _check_options(recipe: Recipe, blank: Translator[Any], *, has_validation: bool) -> None:
    if not has_validation and recipe.training.early_stopping is not None:
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
    if recipe.training.mislabelling is not None and "segmentation" not in blank.needs | blank.wants:
        raise UsageError(
            "E004",
            f"training.mislabelling for {recipe.translator}, which looks at no segmentation",
            "a translator that learns from segmentations",
            "Set training.mislabelling=null.",
        )


def _check_alignment(recipe: Recipe, blank: Translator[Any]) -> None:
    alignment = recipe.training.alignment
    if alignment is None:
        return
    if blank.pairing == "unpaired":
        raise UsageError(
            "E004",
            f"training.alignment for {recipe.translator}, which learns without pairs",
            "a translator that learns from pairs",
            "Set training.alignment=null.",
        )
    if recipe.windows.plane_channels:
        raise UsageError(
            "E004",
            "training.alignment with windows.plane_channels",
            "sources alone, which targets are held against",
            "Set training.alignment=null, or windows.plane_channels=false.",
        )
    if alignment.structure is not None and not blank.trains_on_image:
        raise structure.refusal(recipe.translator)


def _check_labels(translator: str, needs: frozenset[str], cases: Sequence[PreparedCase]) -> None:
    for case in cases:
        for need, entry in (("mask", case.entry.mask), ("segmentation", case.entry.segmentation)):
            if need in needs and entry is None:
                raise InputError(
                    "E131",
                    f"case {case.id} without {need}",
                    f"a {need} in every case, which {translator} needs",
                    f"Prepare the cohort with a {need} per case, or choose another translator.",
                )


def _check_channels(channels: Mapping[str, int], cases: Sequence[PreparedCase]) -> None:
    kinds = {1: "grey", 3: "colour"}
    for case in cases:
        for modality, n_channels in channels.items():
            if modality in case.modalities and case.n_channels(modality) != n_channels:
                raise InputError(
                    "E122",
                    f"{modality} of {case.id} in {kinds[4 - n_channels]}, {kinds[n_channels]} in another case",
                    "one kind per modality",
                    "Prepare the cohort from images of one kind.",
                )
