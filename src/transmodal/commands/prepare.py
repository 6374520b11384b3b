"""Prepare a cohort."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

if TYPE_CHECKING:
    from transmodal.volumes.intensity import IntensitySpec

Number = TypeVar("Number", int, float)
Kind = Literal["whole", "body", "brain", "around_brain"]

EXAMPLES = (
    "Example:  transmodal prepare folders subjects -o cohort --for t1-to-fa-small --split 8:1:1\n\n"
    "A folder of cases looks like subjects/<case>/<modality>.nii.gz, with mask and segmentation where there are."
)


class Layout(StrEnum):
    """Where the cases come from."""

    FOLDERS = "folders"


def run(
    layout: Annotated[Layout, typer.Argument(help="How the data lie: folders (one folder per case).")],
    folder: Annotated[Path, typer.Argument(help="Folder of the data.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Cohort folder to write, or to continue.")],
    region: Annotated[
        list[str] | None,
        typer.Option(
            help="Mask to compute from a source: body, brain or around_brain (5 mm more), such as t1=brain; may be "
            "repeated."
        ),
    ] = None,
    recipes: Annotated[
        list[str] | None,
        typer.Option("--for", help="Recipe whose masks to compute; may be repeated."),
    ] = None,
    intensity: Annotated[
        list[str] | None,
        typer.Option(help="Intensity map of a modality, such as ct=window:-1000:2000; may be repeated."),
    ] = None,
    split: Annotated[
        str, typer.Option(help="Shares of training, validation and test, by patient.")
    ] = "8:1:1",
    counts: Annotated[str, typer.Option(help="Counts instead of shares, such as 12:2:4.")] = "",
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 2024,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Leave out cases that fail, and say so.")
    ] = False,
) -> None:
    """Turn images into a prepared cohort: checked, oriented, hashed, memory-mapped, split by patient.

    Preparing twice does nothing; preparing after an interruption goes on.
    """
    from transmodal.cohorts import folders
    from transmodal.cohorts.prepare import PrepareOptions, prepare
    from transmodal.commands._progress import bars

    options = PrepareOptions(
        regions=_regions(region or [], recipes or []),
        intensity=_intensities(intensity or []),
        ratios=_three(split, float),
        counts=_three(counts, int) if counts else None,
        seed=seed,
        keep_going=keep_going,
    )
    cases = folders.find(folder)
    with bars() as shown:
        cohort = prepare(
            cases,
            output,
            options,
            progress=lambda case, done, total: shown.advance("prepare", done, total, case),
            workers=workers,
        )
    sizes = {name: len(cohort.cases(name)) for name in ("train", "validation", "test")}
    print(
        f"{output}: {sum(sizes.values())} cases with {', '.join(cohort.modalities)}; "
        f"{sizes['train']} train, {sizes['validation']} validation, {sizes['test']} test"
    )


def _regions(words: list[str], recipes: list[str]) -> dict[str, tuple[Kind, ...]]:
    from transmodal.errors import UsageError
    from transmodal.recipes import load

    kinds: dict[str, Kind] = {"body": "body", "brain": "brain", "around_brain": "around_brain"}
    found: dict[str, tuple[Kind, ...]] = {}
    for word in words:
        modality, _, kind = word.partition("=")
        if not modality or kind not in kinds:
            raise UsageError(
                "E001", f"--region {word}", "MODALITY=body, brain or around_brain", "Correct it."
            )
        found[modality] = (*found.get(modality, ()), kinds[kind])
    for recipe in recipes:
        wanted = load.load(recipe)
        first, kind_of = wanted.task.source[0], wanted.data.region
        if kind_of != "whole" and kind_of not in found.get(first, ()):
            found[first] = (*found.get(first, ()), kind_of)
    return found


def _intensities(words: list[str]) -> dict[str, IntensitySpec]:
    from transmodal.errors import UsageError
    from transmodal.volumes.intensity import IntensitySpec

    found = {}
    for word in words:
        modality, _, spec = word.partition("=")
        method, *ends = spec.split(":")
        try:
            if not modality or len(ends) not in (0, 2):
                raise ValueError(word)
            found[modality] = IntensitySpec(method, *(float(end) for end in ends))  # type: ignore[arg-type]  # it checks itself
        except ValueError as error:
            raise UsageError(
                "E001",
                f"--intensity {word}",
                "MODALITY=window:LOW:HIGH, =percentile:LOW:HIGH, =zscore or =minmax",
                "Correct it.",
            ) from error
    return found


def _three(text: str, kind: type[Number]) -> tuple[Number, Number, Number]:
    from transmodal.errors import UsageError

    try:
        first, second, third = (kind(part) for part in text.split(":"))
    except ValueError as error:
        raise UsageError("E001", f"{text!r}", "three numbers such as 8:1:1", "Correct it.") from error
    return first, second, third
