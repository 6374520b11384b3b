"""Pairing: training cases that give sources, and those that give targets; the same ones in a cohort of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from transmodal.cohorts.store import PreparedCase
from transmodal.errors import InputError
from transmodal.recipes.schema import Recipe
from transmodal.translators._base import Translator


class TrainingCases(NamedTuple):
    """The training cases by what they give.

    Attributes:
        sources: cases with the sources.
        targets: cases with the target; the same ones in a cohort of pairs.
        paired: whether every case gives both.
    """

    sources: tuple[PreparedCase, ...]
    targets: tuple[PreparedCase, ...]
    paired: bool


def needed_sources(recipe: Recipe, translator: Translator[Any]) -> tuple[str, ...]:
    """Return the sources that no case may lack: the first, and the others unless they may be missing."""
    first, *further = recipe.task.source
    return (first, *([] if translator.accepts_missing else further))


def sort_training_cases(
    recipe: Recipe, translator: Translator[Any], training: Sequence[PreparedCase]
) -> TrainingCases:
    """Sort the training cases; only a translator that learns without pairs may have cases without source or target.

    Raises:
        InputError: E131 for a case that lacks what it has to have, or where one side has no case.
    """
    sources, target = needed_sources(recipe, translator), recipe.task.target
    if translator.pairing == "paired":
        for case in training:
            _check(case, (*sources, target), "")
        return TrainingCases(tuple(training), tuple(training), paired=True)
    with_sources = tuple(case for case in training if set(sources) <= set(case.modalities))
    with_target = tuple(case for case in training if target in case.modalities)
    names = {case.id for case in (*with_sources, *with_target)}
    for case in training:
        if case.id not in names:
            _check(case, sources, f" or {target}")
    for name, cases in ((", ".join(sources), with_sources), (target, with_target)):
        if not cases:
            raise InputError(
                "E131",
                f"no training case with {name}",
                f"some with {', '.join(sources)} and some with {target}",
                "Prepare the cohort with both, or set task.source and task.target.",
            )
    return TrainingCases(
        with_sources, with_target, paired=len(with_sources) == len(with_target) == len(training)
    )


def pairs_of(
    recipe: Recipe, translator: Translator[Any], cases: Sequence[PreparedCase]
) -> list[PreparedCase]:
    """Return the cases that can be validated: those with sources and target.

    Raises:
        InputError: E131 for a case without them, where the translator learns from pairs.
    """
    modalities = (*needed_sources(recipe, translator), recipe.task.target)
    if translator.pairing == "paired":
        for case in cases:
            _check(case, modalities, "")
        return list(cases)
    return [case for case in cases if set(modalities) <= set(case.modalities)]


def region_modality(recipe: Recipe, case: PreparedCase) -> str:
    """Return the modality whose region is used in a case: the first source, or the target where there is no source."""
    first = recipe.task.source[0]
    return first if first in case.modalities else recipe.task.target


def _check(case: PreparedCase, modalities: Sequence[str], alternative: str) -> None:
    for modality in modalities:
        if modality not in case.modalities:
            raise InputError(
                "E131",
                f"case {case.id} has {', '.join(sorted(case.modalities))}, no {modality}{alternative}",
                f"{', '.join(modalities)}{alternative} in every case",
                f"Prepare the cohort with {modality}, or set task.source and task.target.",
            )
