"""Which pairs of a cohort to look at: contrasts that lie beside one another, or that are of two people.

The limits were fixed on 30 virtual subjects and held against others (docs/concepts/quality.md).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from transmodal.cohorts.quality.misalignment import Placing, placing
from transmodal.errors import InputError
from transmodal.volumes import Volume

OFF_MM = 5.0
"""A best place that is further off is not the search's own error."""

GAIN = 0.1
"""What the best place has to gain before its distance counts: a flat summit says nothing."""

AGREE_MM = 2.5
"""Outlines whose own best place is nearer than this lie on one another."""

ALIKE = 0.55
"""A likeness below this share of the pair's median over the cohort is not of one anatomy."""

ENOUGH = 5
"""Cases with a pair before their median is one."""

_FIRST = ("t1", "mr", "t1ce", "t2", "flair", "pd")
_WORDS = ("off_mm", "gain", "likeness")
_OUTLINE = ("outline_mm", "outline_gain")


@dataclass(frozen=True, slots=True)
class Judged:
    """One pair of one case, and how far it stands out.

    Attributes:
        case: whose.
        fixed: the contrast that the others of the case are compared with.
        moving: the other one.
        placing: what the search found.
        usual: the median likeness of this pair over the cohort; None for fewer than five cases.
    """

    case: str
    fixed: str
    moving: str
    placing: Placing
    usual: float | None

    @property
    def beside(self) -> float:
        """How far the two lie beside one another; 1 is the limit, 0 where their outlines lie on one another."""
        return 0.0 if self.outlines_agree else self._inside

    @property
    def outlines_agree(self) -> bool:
        """Whether skin and skull lie where they are, and not where the rest fits best: what is soft has moved or changed."""
        own, gain = self.placing.outline_mm, self.placing.outline_gain
        return own is not None and gain is not None and own < AGREE_MM and gain < 0

    @property
    def is_contradicted(self) -> bool:
        """Whether the whole seems to lie beside, and the outlines say that it does not."""
        return self.outlines_agree and self._inside >= 1

    @property
    def is_sure(self) -> bool:
        """Whether the distance says something: on a flat summit, or against the outlines, it does not."""
        is_steep = self.placing.off_mm < OFF_MM or self.placing.gain >= GAIN
        return is_steep and not self.outlines_agree

    @property
    def _inside(self) -> float:
        return min(self.placing.off_mm / OFF_MM, self.placing.gain / GAIN)

    @property
    def unlike(self) -> float:
        """How much less alike they are than in other cases; 1 is the limit, 0 where no other says."""
        if self.usual is None:
            return 0.0
        return min(ALIKE * self.usual / max(self.placing.likeness, 1e-3), 10.0)

    @property
    def score(self) -> float:
        """How far the pair stands out; from 1 on it is to be looked at."""
        return max(self.beside, self.unlike)

    def line(self) -> str:
        """Return what is odd and what to do about it, in one line."""
        off, odd = f"{self.moving} lies about {self.placing.off_mm:.0f} mm off {self.fixed}", "fits badly"
        twice = f"likeness {self.placing.likeness:.2f}, {self.usual or 0:.2f} in other cases"
        if self.beside >= 1 and self.unlike >= 1:
            return f"{off} and {odd} even where it fits best ({twice}): check that both are of one patient"
        if self.beside >= 1:
            return f"{off}: register it onto {self.fixed}'s grid, or mend its header"
        where = f"though the outlines (skin, skull) lie within {self.placing.outline_mm or 0:.0f} mm of one another"
        if self.unlike >= 1:
            against = f", {where}: a swelling or large lesion does that, or" if self.outlines_agree else ":"
            return f"{self.moving} {odd} on {self.fixed} ({twice}){against} check that both are of one patient and visit"
        if self.is_contradicted:
            return (
                f"the inside of {self.moving} fits best {self.placing.off_mm:.0f} mm off {self.fixed}, {where}: a "
                "swelling or large lesion does that, and nothing is to be moved; look at both images"
            )
        return "nothing odd"


def notes_of(volumes: Mapping[str, Volume]) -> dict[str, float]:
    """Return the figures of a case's pairs, as its notes hold them.

    Every contrast is compared with one: T1, MR, T2, FLAIR or PD, the first that there is, else the first by name.

    Args:
        volumes: the contrasts of a case, on one grid.

    Returns:
        By a name such as `pair t1 ct off_mm`; nothing of pairs that nothing can be said of.
    """
    notes: dict[str, float] = {}
    for first, other in compared(volumes):
        found = placing(volumes[first], volumes[other])
        if found is not None:
            notes |= {
                f"pair {first} {other} {word}": round(value, 4)
                for word, value in found._asdict().items()
                if value is not None
            }
    return notes


def compared(modalities: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs that are looked at: the first of the modalities with each of the others."""
    first, *others = ranked(modalities) or [""]
    return [(first, other) for other in others]


def ranked(modalities: Iterable[str]) -> list[str]:
    """Return modalities in the order in which they are shown; the first is the one that others are compared with."""
    ranks = {name: rank for rank, name in enumerate(_FIRST)}
    return sorted(modalities, key=lambda name: (ranks.get(name, len(ranks)), name))


def judged(notes: Mapping[str, Mapping[str, float]]) -> list[Judged]:
    """Judge every pair of a cohort.

    Args:
        notes: of every case, by its name, as `notes_of` gives them; others are passed over.

    Returns:
        The pairs, those that stand out most first.
    """
    found = {(case, *pair): one for case, own in notes.items() for pair, one in _pairs(own).items()}
    alike: dict[tuple[str, str], list[float]] = {}
    for (_, *pair), one in found.items():
        alike.setdefault((pair[0], pair[1]), []).append(one.likeness)
    usual = {pair: statistics.median(all_) for pair, all_ in alike.items() if len(all_) >= ENOUGH}
    every = [
        Judged(case, fixed, moving, one, usual.get((fixed, moving)))
        for (case, fixed, moving), one in found.items()
    ]
    return sorted(every, key=lambda one: (-one.score, one.case, one.moving))


def doubts(notes: Mapping[str, Mapping[str, float]]) -> list[Judged]:
    """Return the pairs to look at, those that stand out most first; none where all is well."""
    return [one for one in judged(notes) if one.score >= 1]


def contradicted(notes: Mapping[str, Mapping[str, float]]) -> list[Judged]:
    """Return the pairs that are not to be doubted, but of which two measures say two things."""
    return [one for one in judged(notes) if one.score < 1 and one.is_contradicted]


def refusals(notes: Mapping[str, Mapping[str, float]]) -> dict[str, InputError]:
    """Return what is wrong with the cases that have a pair to look at, for those who want none."""
    return {
        one.case: InputError(
            "E130",
            f"case {one.case}: {one.line()}",
            "contrasts that lie on one another",
            "Look at both images; without --strict-pairs the case is taken, and shown in cohort.html.",
        )
        for one in reversed(doubts(notes))
    }


def _pairs(notes: Mapping[str, float]) -> dict[tuple[str, str], Placing]:
    named: dict[tuple[str, str], dict[str, float]] = {}
    for note, value in notes.items():
        words = note.split()
        if len(words) == 4 and words[0] == "pair":
            named.setdefault((words[1], words[2]), {})[words[3]] = value
    return {
        pair: Placing(*(found[w] for w in _WORDS), *(found.get(w) for w in _OUTLINE))
        for pair, found in named.items()
        if set(_WORDS) <= set(found)
    }
