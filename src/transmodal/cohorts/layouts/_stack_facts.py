"""Stacks of pictures: their order, and the facts that pictures do not hold: spacings, orientation, label colours."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from transmodal.errors import InputError, UsageError
from transmodal.storage import files, listing
from transmodal.volumes.formats import raster
from transmodal.volumes.formats.nifti_affine import assumed_affine

FACTS = ("stack.json", "colours.csv")
"""Files about a stack that stand in the body's folder."""

_KEYS = ("spacing_mm", "mr_spacing_mm", "mr_offset_mm", "orientation", "colours")
_LPI = "LPI"
_NUMBERED = re.compile(r"(?P<before>.*?)(?P<number>\d+)")

Stack = dict[int, Path]
"""Pictures by their number."""


class StackSettings(Protocol):
    """Facts of a stack as the user gives them; empty where none are given."""

    @property
    def spacing_mm(self) -> tuple[str, ...]:
        """Of columns, of rows, and between slices."""
        ...

    @property
    def mr_spacing_mm(self) -> tuple[str, ...]:
        """Of MR's columns and rows."""
        ...

    @property
    def mr_offset_mm(self) -> tuple[str, ...]:
        """Of MR's middle from colour's, along columns and rows."""
        ...

    @property
    def orientation(self) -> str:
        """Axis codes of columns, rows and slices."""
        ...

    @property
    def colours(self) -> str:
        """Table of label colours."""
        ...


class StackFacts(NamedTuple):
    """Geometry of a body's stacks.

    Attributes:
        spacing_mm: of colour's columns, of its rows, and between slices.
        mr_spacing_mm: of MR's columns and rows; None where they are colour's.
        mr_offset_mm: of MR's middle from colour's, along columns and rows.
        orientation: axis codes.
        colours: table of label colours; None where there is none.
    """

    spacing_mm: tuple[float, float, float]
    mr_spacing_mm: tuple[float, float] | None
    mr_offset_mm: tuple[float, float]
    orientation: str
    colours: Path | None


def read_facts(folder: Path, name: str, settings: StackSettings) -> StackFacts:
    """Return what is known of a body's stacks; what the user says goes before stack.json.

    Args:
        folder: of the body.
        name: of the body, for messages.
        settings: of the user.

    Raises:
        InputError: E101, E103 for a stack.json that makes no sense, E111 without spacing.
        UsageError: E001 for numbers or an orientation that cannot be.
    """
    facts = _read(folder / FACTS[0])
    facts.update({key: getattr(settings, key) for key in _KEYS if getattr(settings, key)})
    if not facts.get("spacing_mm"):
        raise InputError(
            "E111",
            f"{name} consists of pictures, which do not say how far apart pixels and slices are",
            "spacings",
            f"Tell them, with --with spacing_mm=0.2,1 (within and between slices) or in {folder.name}/{FACTS[0]}.",
        )
    spacing = parse_numbers("spacing_mm", facts["spacing_mm"], (1, 2, 3))
    orientation = str(facts.get("orientation", _LPI))
    assumed_affine(np.ones(3), (1, 1, 1), orientation)  # refuses what is none
    mr = parse_numbers("mr_spacing_mm", facts.get("mr_spacing_mm", ()), (0, 1, 2))
    offset = parse_numbers("mr_offset_mm", facts.get("mr_offset_mm", ()), (0, 2)) or (0.0, 0.0)
    if min(*spacing, *mr, 1.0) <= 0:
        raise UsageError("E001", f"spacings {spacing} and {mr} mm", "more than 0", "Correct them.")
    table = folder / FACTS[1]
    colours = Path(facts["colours"]) if facts.get("colours") else table if table.is_file() else None
    return StackFacts(
        (spacing[0], spacing[-2] if len(spacing) == 3 else spacing[0], spacing[-1]),
        (mr[0], mr[-1]) if mr else None,
        (offset[0], offset[1]),
        orientation,
        colours,
    )


def read_stack(folder: Path) -> tuple[Stack, list[Path]]:
    """Return the pictures of a folder by the number at the end of their names, and those named unlike most.

    Raises:
        InputError: E103 when two have one number.
    """
    numbered = []
    odd = []
    for path in listing.entries(folder):
        match = _NUMBERED.fullmatch(path.stem)
        if path.suffix.lower() in raster.READABLE:
            numbered += [(match["before"], int(match["number"]), path)] if match else []
            odd += [] if match else [path]
    usual = Counter(before for before, _, _ in numbered).most_common(1)
    stack: Stack = {}
    for before, number, path in numbered:
        if before != usual[0][0]:
            odd.append(path)
        elif number in stack:
            raise InputError(
                "E103",
                f"{folder.name} has {stack[number].name} and {path.name}",
                "one picture of a number",
                "Remove one of them.",
            )
        else:
            stack[number] = path
    return stack, odd


def parse_numbers(setting: str, words: object, allowed: Sequence[int]) -> tuple[float, ...]:
    """Return a setting's numbers.

    Raises:
        UsageError: E001 when they are none, or not as many as allowed.
    """
    listed: list[Any] = list(words) if isinstance(words, (list, tuple)) else [words]
    try:
        values = tuple(float(word) for word in listed)
    except (TypeError, ValueError):
        values = (np.nan,)
    if len(values) not in allowed or not np.isfinite(values).all():
        raise UsageError(
            "E001",
            f"{setting}={','.join(map(str, listed))}",
            f"{' or '.join(map(str, allowed))} numbers",
            "Correct it.",
        )
    return values


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    content = files.read_json(path)
    strange = sorted(set(content) - set(_KEYS)) if isinstance(content, dict) else ["no object"]
    if strange:
        raise InputError("E103", f"{path.name} with {strange[0]}", ", ".join(_KEYS), "Correct it.")
    if isinstance(content.get("colours"), str):
        content["colours"] = str(path.parent / content["colours"])
    return dict(content)
