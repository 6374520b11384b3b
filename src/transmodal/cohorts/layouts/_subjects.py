"""Some subjects of a folder, by name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from transmodal.errors import InputError

if TYPE_CHECKING:
    from transmodal.cohorts.case import CaseMaker
    from transmodal.cohorts.layouts._layout import FolderContents


def select_subjects(
    contents: FolderContents[CaseMaker], subjects: Sequence[str]
) -> FolderContents[CaseMaker]:
    """Return the contents of a folder with some subjects alone; with all of them where none is named.

    Args:
        contents: of a folder, as a layout finds them.
        subjects: names of cases or patients, BIDS' `sub-` before them or not; a patient's name takes all visits.

    Raises:
        InputError: E132 for a name of no case that can be prepared.
    """
    if not subjects:
        return contents
    selected = {_without_prefix(name) for name in subjects}
    names = {id(case): {_without_prefix(case.id), _without_prefix(case.patient)} for case in contents.cases}
    for name in subjects:
        if not any(_without_prefix(name) in aliases for aliases in names.values()):
            raise _no_such_subject(name, contents)
    cases = [case for case in contents.cases if names[id(case)] & selected]
    left_out = [line for line in contents.left_out if any(_is_about(line, name) for name in subjects)]
    sides = {case.id: contents.sides[case.id] for case in cases if case.id in contents.sides}
    return contents._replace(cases=cases, left_out=left_out, sides=sides)


def _no_such_subject(name: str, contents: FolderContents[CaseMaker]) -> InputError:
    names = sorted({case.patient for case in contents.cases} | {case.id for case in contents.cases})
    reason = next((line for line in contents.left_out if _is_about(line, name)), "")
    near = difflib.get_close_matches(name, names, n=1) or names[:1]
    return InputError(
        "E132",
        f"no subject {name} to prepare{f'; left out: {reason}' if reason else ''}",
        f"names of cases or patients, such as {', '.join(near) or 'none that was found'}",
        "Correct --subjects; --dry-run without it lists every case and what is left out.",
    )


def _without_prefix(subject: str) -> str:
    return subject.removeprefix("sub-")


def _is_about(line: str, subject: str) -> bool:
    """Return whether a line about what is left out begins with a subject's name."""
    name = re.escape(_without_prefix(subject))
    return re.match(rf"{name}(?![A-Za-z0-9])", _without_prefix(line)) is not None
