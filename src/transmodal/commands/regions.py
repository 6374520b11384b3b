"""Tables of regions over a group, as a BIDS derivative dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from transmodal.commands._groups import grouped
from transmodal.commands._reading import SeriesReadingWords

if TYPE_CHECKING:
    from transmodal.evaluation.regions.run import RegionTables

EXAMPLES = (
    "Examples:\n\ntransmodal regions runs/t1-to-fa --cohort cohort --split test -o regions\n\n"
    "transmodal regions synthetic=unet --cohort cohort --participants participants.tsv -o regions\n\n"
    "transmodal regions synthetic --measured measured --labels labels --names labels.tsv --modality fa -o regions\n\n"
    "transmodal regions --cohort cohort --participants participants.tsv --test age --covariate sex --covariate site -o regions"
)
PANEL = "Groups"
_MOST_EFFECTS = 10
"""Effects that are printed; the table has all."""


@dataclass(frozen=True, slots=True)
class GroupWords:
    """Participants and a test, in the words of the command line."""

    participants: Annotated[
        Path | None,
        typer.Option(
            help="participants.tsv or another table of participants: its columns stand beside the figures.",
            rich_help_panel=PANEL,
        ),
    ] = None
    statistic: Annotated[
        Literal["mean", "median", "std", "volume"],
        typer.Option(help="Figure of the tables beside participants, and of --test.", rich_help_panel=PANEL),
    ] = "mean"
    test: Annotated[
        str,
        typer.Option(
            metavar="COLUMN",
            help="Column of participants whose effect on each region is tested by a linear model.",
            rich_help_panel=PANEL,
        ),
    ] = ""
    covariates: Annotated[
        Sequence[str],
        typer.Option(
            "--covariate",
            metavar="COLUMN",
            help="Column that the effect is adjusted for; may be repeated.",
            rich_help_panel=PANEL,
        ),
    ] = ()


@grouped
def run(
    synthetic: Annotated[
        Sequence[str],
        typer.Argument(
            metavar="FOLDER[=NAME]...",
            help="Synthetic volumes, named by case: a folder of them, or a run or evaluation that kept its own "
            "(evaluate --save-volumes).",
        ),
    ] = (),
    cohort: Annotated[
        Path | None, typer.Option(help="Prepared cohort: its cases, its own images, its segmentations.")
    ] = None,
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the derivative dataset.")],
    measured: Annotated[
        Sequence[str],
        typer.Option(metavar="FOLDER[=NAME]", help="Measured volumes, named by case; may be repeated."),
    ] = (),
    labels: Annotated[
        Path | None,
        typer.Option(help="Folder of label maps named by case, or one label map on the grid of all images."),
    ] = None,
    names: Annotated[
        Path | None, typer.Option(help="CSV or TSV of the labels' names: columns label and name.")
    ] = None,
    modality: Annotated[
        str, typer.Option(help="Of the images, such as fa; of a cohort's where several could be meant.")
    ] = "",
    split: Annotated[str, typer.Option(help="Cases of the cohort: train, validation, test or all.")] = "all",
    resample: Annotated[
        bool, typer.Option("--resample", help="Bring images of another grid onto their labels'.")
    ] = False,
    group: GroupWords,
    reading: SeriesReadingWords,
) -> None:
    """Measure images per region: tables by case and participant, and a group test, as a BIDS derivative dataset."""
    from transmodal.commands._measuring import regions
    from transmodal.commands._progress import bars

    with bars() as progress:
        tables = regions(
            synthetic,
            cohort,
            output=output,
            measured=measured,
            labels=labels,
            names=names,
            modality=modality,
            split=split,
            resample=resample,
            participants=group.participants,
            statistic=group.statistic,
            test=group.test,
            covariates=group.covariates,
            reading=reading.reading(),
            progress=progress.advance,
        )
    print("\n".join(_lines(tables)))


def _lines(tables: RegionTables) -> list[str]:
    """Return what was written, the strongest effects, and what a reader has to know."""
    import math

    from transmodal.counts import counted
    from transmodal.evaluation.regions.derivative import LIMITS
    from transmodal.evaluation.regions.table import number

    lines = [f"{tables.folder / name}" for name in tables.tables]
    for images, tests in tables.tests:
        tested = sorted((test for test in tests if math.isfinite(test.p)), key=lambda test: test.p)
        lines.append(f"{images.stem} ({images.source}), {counted(len(tested), 'effect')}:")
        lines += [
            f"  {test.region}, {test.term}: {number(test.estimate)}, n {test.n}, p {test.p:.3g}, q {test.q:.3g}"
            for test in tested[:_MOST_EFFECTS]
        ]
        gaps = dict.fromkeys(test.region for test in tests if not math.isfinite(test.p))
        if gaps:
            lines.append(f"  not tested, as figures are missing or do not vary: {', '.join(gaps)}")
    lines += [f"Note: {note}" for note in tables.notes]
    if any(row.source == "synthetic" for row in tables.rows):
        lines += [f"Note: {LIMITS[0]}", f"Note: {LIMITS[1]}"]
    return lines
