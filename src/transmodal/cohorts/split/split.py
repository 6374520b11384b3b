"""Splits by patient or group: deterministic, and written down."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from transmodal.cohorts.case import CaseMaker
from transmodal.cohorts.manifest import CaseEntry
from transmodal.counts import counted
from transmodal.errors import InputError, UsageError
from transmodal.storage import files, sealed

NAMES = ("train", "validation", "test")

COMMUNITY: dict[str, tuple[int, int, int]] = {
    "syndiff": (25, 5, 10),
    "resvit-ixi": (25, 10, 18),
    "resvit-brats": (25, 10, 20),
}
"""Numbers of patients that papers train, validate and test on, "selected sequentially": the first ones by
name. SynDiff (Ozbey et al. 2023), ResViT (Dalmaz et al. 2022; its IXI numbers are pGAN's). None of them has
published the names, so the first patients of a complete release are as near as one can come."""


class Split(BaseModel):
    """The cases that train, validate and test.

    Attributes:
        seed: that the groups were shuffled by.
        by: the unit that was kept together: patients; patients and the groups given with them; or `given`, for
            a split that was written by hand and that `prepare` only checks; or nothing but slices
            (`within-subject`): one body stands on all sides, and figures say nothing about another.
        how: the request beside shares or counts, such as `fold 0 of 5`; empty where there was none.
        train: case ids.
        validation: case ids.
        test: case ids.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int
    by: Literal["patient", "group", "given", "within-subject"] = "patient"
    how: str = ""
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    def ids(self, name: str) -> tuple[str, ...]:
        """Return the case ids of `train`, `validation` or `test`.

        Raises:
            UsageError: E001 for another name.
        """
        if name not in NAMES:
            raise UsageError("E001", f"split {name!r}", ", ".join(NAMES), "Name one of them.")
        ids: tuple[str, ...] = getattr(self, name)
        return ids

    def digest(self) -> str:
        """Return a hash of the cases of each side; how the split came about does not matter."""
        return files.sha256_text("|".join(",".join(sorted(self.ids(name))) for name in NAMES))


def split_by_group(
    cases: Sequence[CaseEntry],
    ratios: tuple[float, float, float] = (8, 1, 1),
    *,
    counts: tuple[int, int, int] | None = None,
    seed: int = 2024,
) -> Split:
    """Split cases so that no group, and no patient, stands on two sides.

    The order of `cases` does not matter. Every group has a rank of its own, drawn from the seed and its
    name, so that a cohort that grows moves as few groups as can be. With three groups or more each
    side whose share is not 0 has one at least.

    Args:
        cases: the cohort's cases.
        ratios: shares of training, validation and test, over groups.
        counts: numbers of groups instead of shares.
        seed: of the ranks.

    Raises:
        UsageError: E001 when the shares or counts make no sense.
        InputError: E132 when there are too few groups, or counts that do not add up to them.
    """
    groups = groups_of(cases)
    sizes = _check_counts(counts, len(groups)) if counts is not None else shares(ratios, len(groups))
    names = rank_groups(groups, seed)
    bounds = np.cumsum([0, sizes[2], sizes[1], sizes[0]])
    test, validation, train = (
        tuple(sorted(case for name in names[low:high] for case in groups[name]))
        for low, high in pairwise(bounds)
    )
    by: Literal["patient", "group"] = "group" if any(case.group for case in cases) else "patient"
    return Split(seed=seed, by=by, train=train, validation=validation, test=test)


def sides_in_order(cases: Sequence[CaseMaker], counts: tuple[int, int, int]) -> dict[str, str]:
    """Return which cases train, validate and test when the first patients by name are taken in order.

    Args:
        cases: of a folder; all cases of a patient go to one side.
        counts: numbers of patients for training, validation and test; the others are left aside.

    Returns:
        `train`, `validation` or `test` by case id.

    Raises:
        InputError: E132 when there are fewer patients than that.
    """
    ordered = sorted(cases, key=lambda case: case.id)
    patients = list(dict.fromkeys(case.patient for case in ordered))
    if len(patients) < sum(counts):
        raise InputError(
            "E132",
            f"{counted(len(patients), 'patient')} for {':'.join(map(str, counts))}",
            f"{sum(counts)} or more",
            "Take the whole release, or another split.",
        )
    sides = [name for name, count in zip(NAMES, counts, strict=True) for _ in range(count)]
    side_of = dict(zip(patients, sides, strict=False))
    return {case.id: side_of[case.patient] for case in ordered if case.patient in side_of}


def split_from_sides(sides: Mapping[str, str], *, within_subject: bool = False) -> Split:
    """Return a split that was decided beforehand.

    Args:
        sides: `train`, `validation` or `test` by case id.
        within_subject: whether it divides patients knowingly, slab by slab.
    """
    ids = {name: tuple(sorted(case for case, side in sides.items() if side == name)) for name in NAMES}
    by: Literal["given", "within-subject"] = "within-subject" if within_subject else "given"
    return Split(seed=0, by=by, train=ids["train"], validation=ids["validation"], test=ids["test"])


def rank_groups(groups: Iterable[str], seed: int) -> list[str]:
    """Return groups in the order that a seed gives them; one that comes or goes changes no other's place."""
    return sorted(groups, key=lambda name: hashlib.sha256(f"{seed}\n{name}".encode()).digest())


def groups_of(cases: Sequence[CaseEntry]) -> dict[str, tuple[str, ...]]:
    """Return case ids by the group that must stay together, joined through shared patients and shared groups."""
    owner: dict[str, str] = {}

    def root(name: str) -> str:
        while owner.setdefault(name, name) != name:
            name = owner[name]
        return name

    for case in cases:
        patient = root(f"patient {case.patient}")
        if case.group:
            low, high = sorted((patient, root(f"group {case.group}")))
            owner[high] = low
    together: dict[str, list[str]] = {}
    for case in cases:
        together.setdefault(root(f"patient {case.patient}"), []).append(case.id)
    return {name: tuple(sorted(ids)) for name, ids in sorted(together.items())}


def read_split(path: Path) -> Split:
    """Read `split.json`; one that was edited by hand is taken.

    Raises:
        InputError: E133 when it is no split.
    """
    return _parse_split(path, sealed.read(path))


def read_sealed_split(path: Path) -> Split:
    """Read `split.json` as it was written.

    Raises:
        InputError: E133 when it is no split.
        IntegrityError: E501 when it was changed since it was written.
    """
    record = sealed.read(path)
    split = _parse_split(path, record)
    sealed.check(
        path, record, "Where the change is wanted prepare the cohort again; else remove the file first."
    )
    return split


def write_split(path: Path, split: Split) -> None:
    """Write `split.json`, sealed."""
    files.write_json(path, sealed.seal(split.model_dump(mode="json")))


def _parse_split(path: Path, record: sealed.Sealed) -> Split:
    try:
        return Split.model_validate(record.content)
    except ValidationError as error:
        location = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise InputError(
            "E133", f"{path.name} with a bad {location}", "a split", "Remove it and prepare the cohort again."
        ) from error


def read_sides(path: Path, cases: Sequence[str]) -> dict[str, str]:
    """Return the sides that a `split.json` gives cases.

    Args:
        path: of the file.
        cases: ids of the cases that there are.

    Raises:
        InputError: E100, E101, E133 when it is no split, E132 when it names a case that is not there.
    """
    split = read_split(path)
    sides = {case: side for side in NAMES for case in split.ids(side)}
    missing = sorted(set(sides) - set(cases))
    if missing:
        raise InputError(
            "E132",
            f"{path.name} names {missing[0]}, one of {len(missing)} that are not there",
            "cases that were found",
            "Take the split of these cases.",
        )
    return sides


def _check_counts(counts: tuple[int, int, int], n: int) -> tuple[int, int, int]:
    if min(counts) < 0 or counts[0] < 1:
        raise UsageError("E001", f"counts {counts}", "three counts, one or more to train", "Correct them.")
    if sum(counts) != n:
        raise InputError(
            "E132",
            f"counts {':'.join(map(str, counts))} for {n} patients or groups",
            f"counts that add up to {n}",
            "Correct the counts.",
        )
    return counts


def shares(ratios: tuple[float, float, float], n: int) -> tuple[int, int, int]:
    """Return how many of `n` groups train, validate and test; one at least where a share is above 0.

    Raises:
        UsageError: E001 for shares that make no sense.
        InputError: E132 for fewer groups than sides.
    """
    if min(ratios) < 0 or ratios[0] <= 0 or not np.isfinite(ratios).all():
        raise UsageError("E001", f"shares {ratios}", "three shares, that to train above 0", "Correct them.")
    n_sides = sum(share > 0 for share in ratios)
    if n < n_sides:
        raise InputError(
            "E132",
            f"{n} patients or groups for {n_sides} sides",
            f"{n_sides} or more",
            "Add cases, or set a share to 0, such as --split 1:0:0.",
        )
    validation, test = (
        max(1, int(n * share / sum(ratios) + 0.5)) if share > 0 else 0 for share in ratios[1:]
    )
    while validation + test >= n:
        validation, test = (validation - 1, test) if validation > test else (validation, test - 1)
    return n - validation - test, validation, test
