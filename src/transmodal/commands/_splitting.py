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

Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes.")]


@dataclass(frozen=True, slots=True)
class SplitWords:
    """The options of a split, in the words of the command line.

    A verb with a split of its own, such as a name that it knows, overrides `split`.
    """

    split: Annotated[
        str,
        typer.Option(
            help="Shares of training, validation and test, by patient or group; or a split.json.",
            rich_help_panel=PANEL,
        ),
    ] = "8:1:1"
    counts: Annotated[
        str, typer.Option(help="Counts instead of shares, such as 12:2:4.", rich_help_panel=PANEL)
    ] = ""
    fold: Annotated[
        str,
        typer.Option(help="NUMBER/FOLDS: test one of several folds, such as 0/5.", rich_help_panel=PANEL),
    ] = ""
    test_group: Annotated[
        str, typer.Option(help="Group to test, such as 'site Guys'.", rich_help_panel=PANEL)
    ] = ""
    seed: Annotated[int, typer.Option(help="Seed of the split.", rich_help_panel=PANEL)] = 2024
    groups: Annotated[
        Sequence[Path],
        typer.Option(
            help="Table (CSV or TSV) with a column case or patient and one of groups, or with several names of each "
            "patient; may be repeated.",
            rich_help_panel=PANEL,
        ),
    ] = ()
    group_by: Annotated[
        str,
        typer.Option(
            help="Column of --groups that keeps patients together, such as site; family or group where none is named.",
            rich_help_panel=PANEL,
        ),
    ] = ""
    same_patient: Annotated[
        Sequence[str],
        typer.Option(
            help="A=B: cases or patients that are one patient; may be repeated.", rich_help_panel=PANEL
        ),
    ] = ()
    copies: Annotated[
        str,
        typer.Option(
            help="Copies of one image under two patients' names, on two sides of the split: refuse, warn or ignore.",
            rich_help_panel=PANEL,
        ),
    ] = "refuse"

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

        return read_relations(self.same_patient, self.groups, self.group_by)


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
