"""A preparation in the words of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from transmodal.commands._splitting import PANEL, SplitWords


@dataclass(frozen=True, slots=True)
class CohortSplitWords(SplitWords):
    """The options of a cohort's first split, which may be one that a paper has."""

    split: Annotated[
        str,
        typer.Option(
            help="Shares of training, validation and test, by patient or group; or a split.json; or the first patients by name, as papers have them: syndiff (25, 5, 10), "
            "resvit-ixi (25, 10, 18), resvit-brats (25, 10, 20).",
            rich_help_panel=PANEL,
        ),
    ] = "8:1:1"


@dataclass(frozen=True, slots=True)
class PrepareWords:
    """Masks and maps to compute, the split, and the fate of doubtful cases; None or nothing where no word is given."""

    mark_key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Key that the patients are marked with in runs and evaluations, to share with other cohorts: patients.key of "
            "another cohort, or a file that is made where it is not there. By default each cohort has its own.",
        ),
    ] = None
    regions: Annotated[
        Sequence[str],
        typer.Option(
            "--region",
            help="Mask to compute from a source: body, brain or around_brain (5 mm more), such as t1=brain; may be "
            "repeated.",
        ),
    ] = ()
    recipes: Annotated[
        Sequence[str],
        typer.Option("--for", help="Recipe whose masks to compute; may be repeated."),
    ] = ()
    intensity: Annotated[
        Sequence[str],
        typer.Option(
            help="Intensity map of a modality, such as ct=window:-1000:2000; recipes that set none train with it. Values "
            "without a unit, such as 8-bit pictures of CT, need theirs: ct=window:0:255. May be repeated."
        ),
    ] = ()
    labels: Annotated[
        Path | None,
        typer.Option(
            help="CSV with the columns label and name: what the segmentation's labels are called in reports."
        ),
    ] = None
    split: CohortSplitWords = CohortSplitWords()
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Leave out cases that fail, and say so.")
    ] = False
    strict_pairs: Annotated[
        bool,
        typer.Option(
            "--strict-pairs",
            help="Take a case whose contrasts do not seem to lie on one another, or to be of one patient, for one "
            "that fails; without it, it is only named.",
        ),
    ] = False
    has_viewer: Annotated[
        bool,
        typer.Option(
            "--viewer",
            help="Also write a page per case beside cohort.html to go through its volumes, at most 3 MB each.",
        ),
    ] = False
