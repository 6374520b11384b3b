"""Names of the folders of a cohort's cases."""

from __future__ import annotations

import re
from collections.abc import Sequence

from transmodal.cohorts.case import CaseMaker
from transmodal.errors import InputError
from transmodal.storage import files

_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")


def folder_names(cases: Sequence[CaseMaker]) -> dict[str, CaseMaker]:
    """Give every case a folder name that stays inside the cohort, whatever its id says.

    An id with other characters than `A-Za-z0-9._-`, with `..`, with a leading dot or dash, longer than 100, or called as
    a device is on Windows (`con`, `nul.x`), becomes what is left of it and 8 digits of its hash.

    Raises:
        InputError: E132 when there is no case, E004 when two have one name.
    """
    if not cases:
        raise InputError("E132", "no case", "one or more", "Check the folder and the layout.")
    makers: dict[str, CaseMaker] = {}
    owners: dict[str, str] = {}
    for case in sorted(cases, key=lambda case: case.id):
        name = _safe(case.id)
        # Names that differ in case alone are one name on some file systems.
        if name.lower() in owners:
            raise InputError(
                "E004",
                f"two cases called {case.id!r} and {owners[name.lower()]!r}",
                "a name of its own for every case",
                "Rename one of them.",
            )
        owners[name.lower()] = case.id
        makers[name] = case
    return makers


def _safe(case: str) -> str:
    is_device = _DEVICE.match(case) is not None
    is_plain = (
        re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", case) and ".." not in case and case[-1] != "."
    )
    if is_plain and not is_device:
        return case
    stem = re.sub(r"\.{2,}|[^A-Za-z0-9._-]+", "-", case)[:80].strip(".-")
    stem = stem.replace(".", "-") if is_device else stem
    return f"{stem or 'case'}-{files.sha256_text(ascii(case))[:8]}"
