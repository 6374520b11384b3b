"""Options of the command line about splits and groups, which several verbs share, and what their words mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from transmodal.cohorts.options import CopiesPolicy, SplitOptions
    from transmodal.cohorts.split.relations import Relations
    from transmodal.cohorts.split.request import SplitRequest
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
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes.")]


@dataclass(frozen=True, slots=True)
class SplitWords:
    """The options of a split, in the words of the command line.

    Attributes:
        split: shares, a file, or a name that the verb knows.
        counts: such as `12:2:4`; empty where none are set.
        fold: such as `0/5`; empty where none is set.
        test_group: such as `site Guys`; empty where none is set.
        seed: of the split.
        groups: tables of groups and of names of one patient; None or empty where there are none.
        group_by: column of the tables.
        same_patient: words such as `A=B`; None or empty where there are none.
        copies: `refuse`, `warn` or `ignore`.
    """

    split: str
    counts: str
    fold: str
    test_group: str
    seed: int
    groups: Sequence[str | Path] | None
    group_by: str
    same_patient: Sequence[str] | None
    copies: str

    @property
    def has_test(self) -> bool:
        """Whether a fold or a group to test is named."""
        return bool(self.fold or self.test_group)

    def relations(self) -> Relations:
        """Read which cases and patients belong together.

        Raises:
            UsageError, InputError: as `cohorts.split.relations.read_relations`.
        """
        from transmodal.cohorts.split.relations import read_relations

        tables = [Path(table) for table in self.groups or ()]
        return read_relations(self.same_patient or (), tables, self.group_by)


def parse_split(words: SplitWords, shares: str) -> SplitOptions:
    """Return the options of a split.

    Args:
        words: of the command line.
        shares: of training, validation and test: those of the words, or what stands for a name in their place.

    Raises:
        UsageError: E001 for a word that cannot be read.
    """
    from transmodal.cohorts.options import SplitOptions

    return SplitOptions(
        ratios=parse_three(shares, float),
        counts=parse_three(words.counts, int) if words.counts else None,
        seed=words.seed,
        fold=_parse_fold(words.fold) if words.fold else None,
        test_group=words.test_group,
    )


def parse_copies(copies: str) -> CopiesPolicy:
    """Return the policy on copies.

    Raises:
        UsageError: E001 for another word.
    """
    from transmodal.errors import UsageError

    policies: dict[str, CopiesPolicy] = {"refuse": "refuse", "warn": "warn", "ignore": "ignore"}
    if copies not in policies:
        raise UsageError("E001", f"--copies {copies}", "refuse, warn or ignore", "Choose one.")
    return policies[copies]


def parse_request(words: SplitWords, shares: str) -> SplitRequest:
    """Return the request for another split of prepared cases, without sides.

    Args:
        words: of the command line.
        shares: as in `parse_split`.

    Raises:
        UsageError: as `parse_split`, `parse_copies` and `SplitWords.relations`.
        InputError: as `SplitWords.relations`.
    """
    from transmodal.cohorts.split.request import SplitRequest

    copies = parse_copies(words.copies)
    options = parse_split(words, shares)
    return SplitRequest(options, copies, relations=words.relations())


def parse_three(text: str, kind: type[Number]) -> tuple[Number, Number, Number]:
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


def describe_sizes(cohort: Cohort) -> str:
    """Return how many cases stand on each side, in words."""
    n = {name: len(cohort.split.ids(name)) for name in ("train", "validation", "test")}
    how = f" ({cohort.split.how})" if cohort.split.how else ""
    return f"{n['train']} train, {n['validation']} validation, {n['test']} test{how}"


def _parse_fold(text: str) -> tuple[int, int]:
    from transmodal.errors import UsageError

    try:
        number, folds = (int(part) for part in text.split("/"))
    except ValueError as error:
        raise UsageError("E001", f"--fold {text}", "NUMBER/FOLDS such as 0/5", "Correct it.") from error
    return number, folds
