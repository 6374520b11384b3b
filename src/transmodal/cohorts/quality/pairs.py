"""Pairs of a cohort to look at: contrasts that lie beside one another, or that are of two people.

The limits were fixed on 30 virtual subjects and held against others (docs/concepts/quality.md).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from transmodal.cohorts.quality.misalignment import Misalignment, measure_misalignment
from transmodal.cohorts.quality.pair_notes import ContrastPair, PairMeasures
from transmodal.errors import InputError
from transmodal.volumes import Volume

OFF_MM = 5.0
"""A best place that is further off is not the search's own error."""

GAIN = 0.1
"""Least gain of the best place before its distance counts: a flat summit says nothing."""

AGREE_MM = 2.5
"""Outlines whose own best place is nearer than this lie on one another."""

ALIKE = 0.55
"""A similarity below this share of the pair's median over the cohort is not of one anatomy."""

ENOUGH = 5
"""Cases with a pair before their median is one."""

_FIRST = ("t1", "mr", "t1ce", "t2", "flair", "pd")


@dataclass(frozen=True, slots=True)
class PairCheck:
    """One pair of one case, compared with the limits and with other cases.

    Attributes:
        case: its id.
        pair: the two contrasts.
        misalignment: of the two.
        usual: the median similarity of this pair over the cohort; None for fewer than five cases.
    """

    case: str
    pair: ContrastPair
    misalignment: Misalignment
    usual: float | None

    @property
    def displacement(self) -> float:
        """Displacement of the two over its limit; 0 where their outlines lie on one another."""
        return 0.0 if self.outlines_agree else self._inner_displacement

    @property
    def outlines_agree(self) -> bool:
        """Whether skin and skull lie where they are, and not where the rest fits best: what is soft has moved or changed."""
        own, gain = self.misalignment.outline_mm, self.misalignment.outline_gain
        return own is not None and gain is not None and own < AGREE_MM and gain < 0

    @property
    def is_contradicted(self) -> bool:
        """Whether the whole seems to lie beside, and the outlines say that it does not."""
        return self.outlines_agree and self._inner_displacement >= 1

    @property
    def is_sure(self) -> bool:
        """Whether the distance says something: on a flat summit, or against the outlines, it does not."""
        is_steep = self.misalignment.off_mm < OFF_MM or self.misalignment.gain >= GAIN
        return is_steep and not self.outlines_agree

    @property
    def is_doubtful(self) -> bool:
        """Whether the pair is to be looked at."""
        return self.score >= 1

    @property
    def _inner_displacement(self) -> float:
        return min(self.misalignment.off_mm / OFF_MM, self.misalignment.gain / GAIN)

    @property
    def dissimilarity(self) -> float:
        """Usual similarity of the pair over its own, in units of the limit; 0 where too few cases have the pair."""
        if self.usual is None:
            return 0.0
        return min(ALIKE * self.usual / max(self.misalignment.similarity, 1e-3), 10.0)

    @property
    def score(self) -> float:
        """The greater of displacement and dissimilarity; from 1 on the pair is to be looked at."""
        return max(self.displacement, self.dissimilarity)

    def line(self) -> str:
        """Return the fault of the pair and its remedy, in one line."""
        fixed, moving = self.pair
        off_mm = self.misalignment.off_mm
        off, odd = f"{moving} lies about {off_mm:.0f} mm off {fixed}", "fits badly"
        similarities = f"likeness {self.misalignment.similarity:.2f}, {self.usual or 0:.2f} in other cases"
        is_beside, is_unlike = self.displacement >= 1, self.dissimilarity >= 1
        if is_beside and is_unlike:
            return f"{off} and {odd} even where it fits best ({similarities}): check that both are of one patient"
        if is_beside:
            return f"{off}: register it onto {fixed}'s grid, or mend its header"
        outline_mm = self.misalignment.outline_mm or 0
        outlines = f"though the outlines (skin, skull) lie within {outline_mm:.0f} mm of one another"
        if is_unlike:
            cause = f", {outlines}: a swelling or large lesion does that, or" if self.outlines_agree else ":"
            return f"{moving} {odd} on {fixed} ({similarities}){cause} check that both are of one patient and visit"
        if self.is_contradicted:
            return (
                f"the inside of {moving} fits best {off_mm:.0f} mm off {fixed}, {outlines}: a "
                "swelling or large lesion does that, and nothing is to be moved; look at both images"
            )
        return "nothing odd"


def measure_pairs(volumes: Mapping[str, Volume]) -> dict[ContrastPair, Misalignment]:
    """Return the misalignment of the contrasts of a case, to four decimals.

    Every contrast is compared with one: T1, MR, T2, FLAIR or PD, the first that there is, else the first by name.

    Args:
        volumes: the contrasts of a case, on one grid.

    Returns:
        By pair; without pairs that the search cannot judge.
    """
    measured: dict[ContrastPair, Misalignment] = {}
    for pair in list_pairs(volumes):
        misalignment = measure_misalignment(volumes[pair.fixed], volumes[pair.moving])
        if misalignment is not None:
            measured[pair] = _round_figures(misalignment)
    return measured


def list_pairs(modalities: Iterable[str]) -> list[ContrastPair]:
    """Return the pairs that are looked at: the first of the modalities with each of the others."""
    first, *further = rank_modalities(modalities) or [""]
    return [ContrastPair(first, modality) for modality in further]


def rank_modalities(modalities: Iterable[str]) -> list[str]:
    """Return modalities in the order in which they are shown; the first is the one that others are compared with."""
    ranks = {name: rank for rank, name in enumerate(_FIRST)}
    return sorted(modalities, key=lambda name: (ranks.get(name, len(ranks)), name))


def check_pairs(cases: Mapping[str, PairMeasures]) -> list[PairCheck]:
    """Check every pair of a cohort.

    Args:
        cases: misalignment of the contrasts of every case, by the case's id.

    Returns:
        The pairs, those that stand out most first.
    """
    similarities: dict[ContrastPair, list[float]] = {}
    for measures in cases.values():
        for pair, misalignment in measures.items():
            similarities.setdefault(pair, []).append(misalignment.similarity)
    usual = {
        pair: statistics.median(values) for pair, values in similarities.items() if len(values) >= ENOUGH
    }
    checks = [
        PairCheck(case, pair, misalignment, usual.get(pair))
        for case, measures in cases.items()
        for pair, misalignment in measures.items()
    ]
    return sorted(checks, key=lambda check: (-check.score, check.case, check.pair.moving))


def find_doubtful(cases: Mapping[str, PairMeasures]) -> list[PairCheck]:
    """Return the pairs to look at, those that stand out most first."""
    return [check for check in check_pairs(cases) if check.is_doubtful]


def find_contradicted(cases: Mapping[str, PairMeasures]) -> list[PairCheck]:
    """Return the pairs that are not to be doubted, but of which two measures say two things."""
    return [check for check in check_pairs(cases) if check.is_contradicted and not check.is_doubtful]


def refuse_doubtful(cases: Mapping[str, PairMeasures]) -> dict[str, InputError]:
    """Return the error of each case that has a pair to look at, where such cases are not wanted."""
    return {
        check.case: InputError(
            "E130",
            f"case {check.case}: {check.line()}",
            "contrasts that lie on one another",
            "Look at both images; without --strict-pairs the case is taken, and shown in cohort.html.",
        )
        for check in reversed(find_doubtful(cases))
    }


def _round_figures(misalignment: Misalignment) -> Misalignment:
    figures = misalignment._asdict().items()
    return misalignment._replace(**{name: round(value, 4) for name, value in figures if value is not None})
