"""The evaluation mask of cases whose data set gives none: a region of the target as measured, never of a prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.computed_region import computed_region
from transmodal.cohorts.options import RegionKind
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError

NOT_FOUND = ("E112", "E124")
"""Codes of a region that cannot be found in an image."""


class ReferenceMask(NamedTuple):
    """A region of the measured target.

    Attributes:
        modality: the target.
        kind: `body`, `brain` or `around_brain`.
    """

    modality: str
    kind: RegionKind

    def text(self) -> str:
        """Return it in words, for a protocol, such as `the brain of the measured fa`."""
        words = "brain and 5 mm around it" if self.kind == "around_brain" else self.kind
        return f"the {words} of the measured {self.modality}"


class MaskedCase(PreparedCase):
    """A prepared case whose evaluation mask is a region of its target; all else is the case's own."""

    def __init__(self, case: PreparedCase, target: str, kinds: Sequence[RegionKind]) -> None:
        """Take a case.

        Args:
            case: without a mask of its data set.
            target: in which the region lies.
            kinds: of regions, the preferred first; the first that is found is the mask.
        """
        super().__init__(case.folder, case.entry)
        self._target, self._kinds = target, tuple(kinds)

    def mask(self, spacing_mm: float | None = None) -> NDArray[np.bool_] | None:
        """Return the region of the target; None where none is found."""
        for kind in self._kinds:
            try:
                return computed_region(self, self._target, kind, spacing_mm)
            except InputError as error:
                if error.code not in NOT_FOUND:
                    raise
        return None


def kinds_of(region: RegionKind) -> tuple[RegionKind, ...]:
    """Return the kinds of regions to look for in a target, the preferred first.

    Args:
        region: where the recipe looks at sources; nothing outside is translated.
    """
    return ("body",) if region in ("whole", "body") else (region, "body")


def mask_cases(
    cohort: Cohort, cases: Sequence[PreparedCase], target: str, kinds: Sequence[RegionKind]
) -> list[PreparedCase]:
    """Return cases with a region of the target as their mask, where no case of the cohort has its data set's.

    Args:
        cohort: which they are of.
        cases: to mask.
        target: modality of the target.
        kinds: as in `MaskedCase`.
    """
    if has_masks(cohort):
        return list(cases)
    return [MaskedCase(case, target, kinds) if target in case.modalities else case for case in cases]


def choose(
    cohort: Cohort, cases: Sequence[PreparedCase], target: str, region: RegionKind
) -> ReferenceMask | None:
    """Choose one region for all cases of an evaluation, so that their figures have one protocol.

    Args:
        cohort: that is scored on.
        cases: that are scored.
        target: modality of the target.
        region: as in `kinds_of`.

    Returns:
        The first kind that is found in every case; None where the data set gives masks, or no kind is found.
    """
    if has_masks(cohort) or not cases or any(target not in case.modalities for case in cases):
        return None
    for kind in kinds_of(region):
        if all(case.mask() is not None for case in mask_cases(cohort, cases, target, (kind,))):
            return ReferenceMask(target, kind)
    return None


def has_masks(cohort: Cohort) -> bool:
    """Return whether the data set gives a mask of some case."""
    return any(entry.mask is not None for entry in cohort.manifest.cases)
