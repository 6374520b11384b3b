"""Masks and intensity maps to compute, in the words of the command line."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from transmodal.recipes.schema import Task
    from transmodal.volumes.intensity import IntensitySpec

Kind = Literal["whole", "body", "brain", "around_brain"]


def parse_regions(
    words: Sequence[str], recipes: Sequence[str], contents: Sequence[Collection[str]]
) -> dict[str, tuple[Kind, ...]]:
    """Return the masks to compute by modality: those that are named, and those that recipes need.

    Args:
        words: such as `t1=brain`.
        recipes: names or paths.
        contents: modalities of each case, as far as they are known. Where a case has a recipe's target and not its
            source, as cases without pairs have, the target needs a mask of its own.

    Raises:
        UsageError: E001 for a word that cannot be read.
        TransmodalError: as `recipes.load.load`.
    """
    from transmodal.errors import UsageError
    from transmodal.recipes import load

    kinds: dict[str, Kind] = {"body": "body", "brain": "brain", "around_brain": "around_brain"}
    regions: dict[str, tuple[Kind, ...]] = {}
    for word in words:
        modality, _, kind = word.partition("=")
        if not modality or kind not in kinds:
            raise UsageError(
                "E001", f"--region {word}", "MODALITY=body, brain or around_brain", "Correct it."
            )
        regions[modality] = (*regions.get(modality, ()), kinds[kind])
    for name in recipes:
        recipe = load.load(name)
        kind_of = recipe.data.region
        for modality in _modalities_with_mask(recipe.task, contents):
            if kind_of != "whole" and kind_of not in regions.get(modality, ()):
                regions[modality] = (*regions.get(modality, ()), kind_of)
    return regions


def _modalities_with_mask(task: Task, contents: Sequence[Collection[str]]) -> list[str]:
    """Return the first source as the cases call it, and the target where some case has it without the source."""
    from transmodal.cohorts.aliases import alias_of

    modalities = {modality for case in contents for modality in case}
    source, target = (alias_of(name, modalities) or name for name in (task.source[0], task.target))
    is_alone = any(target in case and source not in case for case in contents)
    return [source, target] if is_alone else [source]


def parse_intensities(words: Sequence[str]) -> dict[str, IntensitySpec]:
    """Return intensity maps by modality.

    Raises:
        UsageError: E001 for a word that cannot be read.
    """
    from transmodal.errors import UsageError
    from transmodal.volumes.intensity import IntensitySpec

    maps = {}
    for word in words:
        modality, _, spec = word.partition("=")
        method, *ends = spec.split(":")
        try:
            if not modality or len(ends) not in (0, 2):
                raise ValueError(word)
            maps[modality] = IntensitySpec(method, *(float(end) for end in ends))  # type: ignore[arg-type]  # it checks itself
        except ValueError as error:
            raise UsageError(
                "E001",
                f"--intensity {word}",
                "MODALITY=window:LOW:HIGH, =percentile:LOW:HIGH, =zscore or =minmax",
                "Correct it.",
            ) from error
    return maps
