"""Splits by patient or group: deterministic, written down, checked for leaks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from transmodal.cohorts.manifest import CaseEntry, Manifest
from transmodal.errors import InputError, UsageError
from transmodal.volumes import files

NAMES = ("train", "validation", "test")


class Split(BaseModel):
    """Which cases train, validate and test.

    Attributes:
        seed: that the groups were shuffled by.
        by: what was kept together.
        train: case ids.
        validation: case ids.
        test: case ids.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int
    by: str = "group, else patient"
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
        chosen: tuple[str, ...] = getattr(self, name)
        return chosen


def split_by_group(
    cases: Sequence[CaseEntry],
    ratios: tuple[float, float, float] = (8, 1, 1),
    *,
    counts: tuple[int, int, int] | None = None,
    seed: int = 2024,
) -> Split:
    """Split cases so that no group, and no patient, stands on two sides.

    The order of `cases` does not matter. With three groups or more each side whose share is not 0
    has one at least.

    Args:
        cases: the cohort's cases.
        ratios: shares of training, validation and test, over groups.
        counts: numbers of groups instead of shares.
        seed: of the shuffle.

    Raises:
        UsageError: E001 when the shares make no sense.
        InputError: E132 when there are too few groups.
    """
    owners = sorted({case.owner for case in cases})
    sizes = _checked(counts, len(owners)) if counts is not None else _shares(ratios, len(owners))
    order = np.random.default_rng(seed).permutation(len(owners))
    bounds = np.cumsum([0, *sizes])
    sides: list[tuple[str, ...]] = []
    for low, high in pairwise(bounds):
        chosen = {owners[index] for index in order[low:high]}
        sides.append(tuple(sorted(case.id for case in cases if case.owner in chosen)))
    return Split(seed=seed, train=sides[0], validation=sides[1], test=sides[2])


def check_leaks(manifest: Manifest, split: Split) -> None:
    """Refuse a split that divides a patient, a group or one and the same image.

    Raises:
        InputError: E132 when it names a case that is not there, E135 when something stands on two sides.
    """
    side_of: dict[str, str] = {}
    for name in NAMES:
        for case in split.ids(name):
            if case in side_of:
                raise _leak(f"case {case}", side_of[case], name)
            side_of[case] = name
    known = {case.id for case in manifest.cases}
    missing = sorted(set(side_of) - known)
    if missing:
        raise InputError(
            "E132", f"a split with the unknown case {missing[0]}", "cases of the cohort", "Split it again."
        )
    seen: dict[str, str] = {}
    for entry in manifest.cases:
        side = side_of.get(entry.id)
        if side is None:
            continue
        for key, what in _identities(entry).items():
            if seen.setdefault(key, side) != side:
                raise _leak(what, seen[key], side)


def read_split(path: Path) -> Split:
    """Read `split.json`.

    Raises:
        InputError: E133 when it is no split.
    """
    try:
        return Split.model_validate(files.read_json(path))
    except ValidationError as error:
        raise InputError(
            "E133", f"{path.name} is no split", "a split", "Prepare the cohort again."
        ) from error


def _identities(entry: CaseEntry) -> dict[str, str]:
    """Return what may stand on one side only, by a key that is equal where the thing is."""
    found = {f"patient {entry.patient}": f"patient {entry.patient}"}
    if entry.group:
        found[f"group {entry.group}"] = f"group {entry.group}"
    for modality, volume in entry.volumes.items():
        found[volume.sha256] = f"the {modality} of case {entry.id}"
    return found


def _leak(what: str, one: str, other: str) -> InputError:
    return InputError(
        "E135",
        f"{what} stands in {one} and in {other}",
        "each patient and each image on one side",
        "Correct the patient column, or remove split.json and prepare again.",
    )


def _checked(counts: tuple[int, int, int], n: int) -> tuple[int, int, int]:
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


def _shares(ratios: tuple[float, float, float], n: int) -> tuple[int, int, int]:
    if min(ratios) < 0 or ratios[0] <= 0 or not np.isfinite(ratios).all():
        raise UsageError("E001", f"shares {ratios}", "three shares, that to train above 0", "Correct them.")
    needed = sum(share > 0 for share in ratios)
    if n < needed:
        raise InputError(
            "E132",
            f"{n} patients or groups for {needed} sides",
            f"{needed} or more",
            "Add cases, or set a share to 0, such as --split 1:0:0.",
        )
    exact = np.array(ratios) / sum(ratios) * n
    validation, test = (max(1, round(float(value))) if value > 0 else 0 for value in exact[1:])
    if validation + test >= n:
        validation, test = min(validation, 1), min(test, 1)
    return n - validation - test, validation, test
