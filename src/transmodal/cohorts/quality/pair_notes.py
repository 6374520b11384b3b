"""The figures of a case's pairs of contrasts as its notes hold them: types inside, readable keys on the disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from transmodal.cohorts.manifest import CaseEntry
from transmodal.cohorts.quality.misalignment import Misalignment

_PREFIX = "pair"
_KEYS = {
    "off_mm": "off_mm",
    "gain": "gain",
    "similarity": "likeness",
    "outline_mm": "outline_mm",
    "outline_gain": "outline_gain",
}
"""The last word of a note by the field of `Misalignment` that it holds."""
_REQUIRED = frozenset({"off_mm", "gain", "similarity"})


class ContrastPair(NamedTuple):
    """Two contrasts of a case.

    Attributes:
        fixed: the modality that the others of the case are compared with.
        moving: the modality that is compared with it.
    """

    fixed: str
    moving: str


PairMeasures = Mapping[ContrastPair, Misalignment]
"""Misalignment of the contrasts of one case, by pair."""


def write_pairs(pairs: PairMeasures) -> dict[str, float]:
    """Return the notes that hold the figures of pairs, by a name such as `pair t1 ct off_mm`."""
    return {
        f"{_PREFIX} {pair.fixed} {pair.moving} {_KEYS[field]}": value
        for pair, misalignment in pairs.items()
        for field, value in misalignment._asdict().items()
        if value is not None
    }


def read_pairs(notes: Mapping[str, float]) -> dict[ContrastPair, Misalignment]:
    """Return the figures of the pairs that notes hold whole; other notes are passed over."""
    fields = {key: field for field, key in _KEYS.items()}
    figures: dict[ContrastPair, dict[str, float]] = {}
    for name, value in notes.items():
        prefix, *words = name.split(" ")
        if prefix == _PREFIX and len(words) == 3 and words[2] in fields:
            figures.setdefault(ContrastPair(words[0], words[1]), {})[fields[words[2]]] = value
    return {pair: Misalignment(**own) for pair, own in figures.items() if own.keys() >= _REQUIRED}


def read_cohort(entries: Iterable[CaseEntry]) -> dict[str, PairMeasures]:
    """Return the figures of the pairs of every case, by its id."""
    return {entry.id: read_pairs(entry.notes) for entry in entries}


def without_pairs(notes: Mapping[str, float]) -> dict[str, float]:
    """Return the notes that are not about pairs."""
    return {name: value for name, value in notes.items() if not name.startswith(f"{_PREFIX} ")}
