"""The cases of a folder that are prepared, and the sides of the split that are decided before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from transmodal.cohorts.case import CaseMaker
from transmodal.cohorts.split.split import COMMUNITY, read_sides, sides_in_order


class Division(NamedTuple):
    """Cases, and which of them train, validate and test where that is decided already.

    Attributes:
        cases: to prepare.
        sides: `train`, `validation` or `test` by case id; empty where the cases are split by the options.
        within_subject: whether `sides` divide patients, slab by slab.
    """

    cases: Sequence[CaseMaker]
    sides: Mapping[str, str]
    within_subject: bool = False


def is_named_split(split: str) -> bool:
    """Return whether a split is a file, or one that papers have, and so gives every case its side."""
    return split in COMMUNITY or split.endswith(".json")


def divide(folder: Division, split: str, *, has_test: bool) -> Division:
    """Return the cases to prepare and the sides that the split or the folder gives them.

    Args:
        folder: the cases of a folder, with the sides that the folder itself gives them.
        split: shares, a `split.json`, or a split that papers have, which leaves cases aside.
        has_test: whether a fold or a group to test is named, which outranks the folder's own sides.

    Raises:
        InputError: E132 for a split of other cases or more patients, E100, E101, E133 for a file that is no split.
    """
    if split.endswith(".json"):
        return Division(folder.cases, read_sides(Path(split), [case.id for case in folder.cases]))
    if split in COMMUNITY:
        sides = sides_in_order(folder.cases, COMMUNITY[split])
        return Division([case for case in folder.cases if case.id in sides], sides)
    if has_test:
        return Division(folder.cases, {})
    return folder
