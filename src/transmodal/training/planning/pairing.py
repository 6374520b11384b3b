"""Pairing: training cases that give sources, those that give targets, and those whose pairs are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from transmodal.cohorts.split.split import rank_groups
from transmodal.cohorts.store import PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.recipes.schema import Recipe, Task
from transmodal.training.planning.material import Material
from transmodal.translators._base import Translator

ORDER = 2024
"""Seed of the order in which patients' pairs are told; another number of them changes no other's place."""


class TaskCases(NamedTuple):
    """The cases of a task by what they give.

    Attributes:
        sources: training cases with the sources.
        targets: training cases with the target; the same ones in a cohort of pairs.
        validation: cases to validate on, with sources and target.
        paired: whether every training case gives both.
    """

    sources: tuple[PreparedCase, ...]
    targets: tuple[PreparedCase, ...]
    validation: tuple[PreparedCase, ...]
    paired: bool


def sort_cases(task: Task, translator: Translator[Any], material: Material) -> TaskCases:
    """Sort a cohort's cases; only a translator that learns without pairs may have cases without source or target.

    Raises:
        InputError: E131 for a case that lacks what it has to have, or where one side has no case.
    """
    first, *further = task.source
    sources = (first, *([] if translator.accepts_missing else further))
    modalities = (*sources, task.target)
    if translator.pairing == "paired":
        for case in (*material.training, *material.validation):
            _check(case, modalities, "")
        return TaskCases(material.training, material.training, material.validation, paired=True)
    return _sort_unpaired(sources, task.target, material)


def _sort_unpaired(sources: Sequence[str], target: str, material: Material) -> TaskCases:
    """Sort the cases of a translator that learns without pairs, of which those with a pair can be validated."""
    with_sources = _having(sources, material.training)
    with_target = _having([target], material.training)
    names = {case.id for case in (*with_sources, *with_target)}
    for case in material.training:
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
    return TaskCases(
        with_sources,
        with_target,
        _having([*sources, target], material.validation),
        paired=len(with_sources) == len(with_target) == len(material.training),
    )


def choose_pairs(recipe: Recipe, translator: Translator[Any], cases: TaskCases) -> frozenset[str]:
    """Return the training cases whose pairs a translator that learns with and without them is told; none for others.

    Raises:
        UsageError: E004 for `training.paired_patients` of a translator that does not learn from both.
        InputError: E131 where no training case, or not enough patients, have a pair.
    """
    most = recipe.training.paired_patients
    if not translator.learns_pairs:
        if most is not None:
            raise UsageError(
                "E004",
                f"training.paired_patients for {recipe.translator}, which does not learn with and without pairs at once",
                "a translator that does, such as cyclegan with settings.paired_weight above 0",
                "Set training.paired_patients=null.",
            )
        return frozenset()
    with_target = {case.id for case in cases.targets}
    paired: dict[str, list[str]] = {}
    for case in cases.sources:
        if case.id in with_target:
            paired.setdefault(case.patient, []).append(case.id)
    if len(paired) < (most or 1):
        raise InputError(
            "E131",
            f"{len(paired)} training patients with {', '.join(recipe.task.source)} and {recipe.task.target}",
            f"{most or 1} to learn pairs from",
            f"Set training.paired_patients={len(paired)}."
            if paired
            else "Set settings.paired_weight=0 and training.paired_patients=null to learn without pairs.",
        )
    return frozenset(case for patient in rank_groups(paired, ORDER)[:most] for case in paired[patient])


def _having(modalities: Sequence[str], cases: Sequence[PreparedCase]) -> tuple[PreparedCase, ...]:
    return tuple(case for case in cases if set(modalities) <= set(case.modalities))


def _check(case: PreparedCase, modalities: Sequence[str], alternative: str) -> None:
    for modality in modalities:
        if modality not in case.modalities:
            raise InputError(
                "E131",
                f"case {case.id} has {', '.join(sorted(case.modalities))}, no {modality}{alternative}",
                f"{', '.join(modalities)}{alternative} in every case",
                f"Prepare the cohort with {modality}, or set task.source and task.target.",
            )
