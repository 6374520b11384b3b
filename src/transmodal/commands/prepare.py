"""Prepare a cohort."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from transmodal.cohorts.prepare import PrepareOptions

EXAMPLES = (
    "Example:  transmodal prepare folders subjects -o cohort --region t1=brain --split 8:1:1\n\n"
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
        typer.Option(help="Mask to compute from a source, such as t1=brain or mr=body; may be repeated."),
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
    from transmodal.cohorts.prepare import prepare
    from transmodal.commands._progress import bars

    options = prepare_options(
        region or [], intensity or [], _numbers(split), _numbers(counts), seed, keep_going
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
