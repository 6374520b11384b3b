"""Cases that names of files speak of: the case's name as a whole token, or BIDS' subject and session."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

_BETWEEN = "[^A-Za-z0-9]"
_CHANNEL = re.compile(r"0000")
"""Ending of nnU-Net's first channel: a number that counts no case."""
_ENTITY = re.compile(r"(?:^|[_/])(sub|ses)-([A-Za-z0-9+]+)(?=[_/.]|$)")


def name_cases(path: PurePosixPath, cases: Collection[str]) -> tuple[str, ...]:
    """Return the cases that a file can be of by its name; none, one, or several that it cannot decide between.

    The file's own name counts first, then the folders that it lies in, the nearest first. A case's name has to stand as a
    whole token: beside it are ends, or characters that are neither letters nor digits, and no further number
    (`anna-1` is not of `anna`; nnU-Net's `_0000` is no such number). Of names within one another the longest counts.

    Args:
        path: below the folder of predictions, without the format's ending.
        cases: all names of the cohort, also of cases that are not scored, so that no file is taken for a namesake's.
    """
    by_entities = _by_bids(path, cases)
    if by_entities is not None:
        return by_entities
    for part in reversed(path.parts):
        names = _longest([case for case in cases if _stands_in(case, part)])
        if names:
            return names
    return ()


def _by_bids(path: PurePosixPath, cases: Collection[str]) -> tuple[str, ...] | None:
    """Return the cases of a path's subject and session; None where the path or the cohort is not named by BIDS."""
    subject = _entities(path.as_posix())
    if "sub" not in subject:
        return None
    by_case = {case: _entities(case) for case in cases}
    if not any("sub" in entities for entities in by_case.values()):
        return None
    return tuple(case for case, entities in by_case.items() if entities == subject)


def _entities(text: str) -> dict[str, str]:
    return dict(_ENTITY.findall(text))


def _stands_in(case: str, text: str) -> bool:
    """Return whether a case's name is a whole token of a text, without a number beside it that may count something."""
    for match in re.finditer(rf"(?<![A-Za-z0-9]){re.escape(case)}(?![A-Za-z0-9])", text):
        before = re.split(_BETWEEN, text[: match.start()].rstrip("-_. "))[-1]
        after = re.split(_BETWEEN, text[match.end() :].lstrip("-_. "))[0]
        if not before.isdigit() and (not after.isdigit() or _CHANNEL.fullmatch(after)):
            return True
    return False


def _longest(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names that stand within no other of them."""
    return tuple(
        name for name in names if not any(name != other_name and name in other_name for other_name in names)
    )
