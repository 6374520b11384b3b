"""Words of the command line about splits and groups, which several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from transmodal.cohorts.split.relations import Relations
    from transmodal.cohorts.store import Cohort

Number = TypeVar("Number", int, float)
PANEL = "Split"

SPLIT_HELP = "Shares of training, validation and test, by patient or group; or a split.json"
Counts = Annotated[
    str, typer.Option("--counts", help="Counts instead of shares, such as 12:2:4.", rich_help_panel=PANEL)
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the split.", rich_help_panel=PANEL)]
Fold = Annotated[
    str,
    typer.Option(
        "--fold", help="NUMBER/FOLDS: test one of several folds, such as 0/5.", rich_help_panel=PANEL
    ),
]
TestGroup = Annotated[
    str, typer.Option("--test-group", help="Group to test, such as 'site Guys'.", rich_help_panel=PANEL)
]
Groups = Annotated[
    list[Path] | None,
    typer.Option(
        "--groups",
        help="Table (CSV or TSV) with a column case or patient and one of groups, or with several names of each "
        "patient; may be repeated.",
        rich_help_panel=PANEL,
    ),
]
GroupBy = Annotated[
    str,
    typer.Option(
        "--group-by",
        help="Column of --groups that keeps patients together, such as site; family or group where none is named.",
        rich_help_panel=PANEL,
    ),
]
SamePatient = Annotated[
    list[str] | None,
    typer.Option(
        "--same-patient",
        help="A=B: cases or patients that are one patient; may be repeated.",
        rich_help_panel=PANEL,
    ),
]
Copies = Annotated[
    str,
    typer.Option(
        "--copies",
        help="Copies of one image under two patients' names, on two sides of the split: refuse, warn or ignore.",
        rich_help_panel=PANEL,
    ),
]


def asked(*, split: str, counts: str, seed: int, fold: str, test_group: str, copies: str) -> dict[str, Any]:
    """Return the words as fields of `PrepareOptions`.

    Raises:
        UsageError: E001 for a word that cannot be read.
    """
    from transmodal.errors import UsageError

    if copies not in ("refuse", "warn", "ignore"):
        raise UsageError("E001", f"--copies {copies}", "refuse, warn or ignore", "Choose one.")
    return {
        "ratios": three(split, float),
        "counts": three(counts, int) if counts else None,
        "seed": seed,
        "fold": _fold(fold) if fold else None,
        "test_group": test_group,
        "copies": copies,
    }


def relations(same: list[str] | None, tables: list[Path] | None, by: str) -> Relations:
    """Return what is told of patients and groups.

    Raises:
        UsageError: as `cohorts.split.relations.told`.
        InputError: as `cohorts.split.relations.told`.
    """
    from transmodal.cohorts.split.relations import told

    return told(same or (), tables or (), by)


def three(text: str, kind: type[Number]) -> tuple[Number, Number, Number]:
    """Read three numbers that colons divide.

    Raises:
        UsageError: E001 for other words.
    """
    from transmodal.errors import UsageError

    try:
        first, second, third = (kind(part) for part in text.split(":"))
    except ValueError as error:
        raise UsageError("E001", f"{text!r}", "three numbers such as 8:1:1", "Correct it.") from error
    return first, second, third


def sides_of(path: Path, cases: list[str]) -> dict[str, str]:
    """Return the sides that a `split.json` gives cases.

    Raises:
        InputError: E100, E101, E133 when it is no split, E132 when it names a case that is not there.
    """
    from transmodal.cohorts.split.split import NAMES, read_split
    from transmodal.errors import InputError

    given = read_split(path)
    sides = {case: name for name in NAMES for case in given.ids(name)}
    missing = sorted(set(sides) - set(cases))
    if missing:
        raise InputError(
            "E132",
            f"{path.name} names {missing[0]}, one of {len(missing)} that are not there",
            "cases that were found",
            "Take the split of these cases.",
        )
    return sides


def sizes(cohort: Cohort) -> str:
    """Return how many cases stand on each side, in words."""
    n = {name: len(cohort.split.ids(name)) for name in ("train", "validation", "test")}
    how = f" ({cohort.split.how})" if cohort.split.how else ""
    return f"{n['train']} train, {n['validation']} validation, {n['test']} test{how}"


def _fold(text: str) -> tuple[int, int]:
    from transmodal.errors import UsageError

    try:
        number, folds = (int(part) for part in text.split("/"))
    except ValueError as error:
        raise UsageError("E001", f"--fold {text}", "NUMBER/FOLDS such as 0/5", "Correct it.") from error
    return number, folds
