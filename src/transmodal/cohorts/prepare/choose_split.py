"""The split of a cohort that is prepared: given sides, the split that stands, or a new one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from transmodal.cohorts.manifest import Manifest
from transmodal.cohorts.split.folds import split_as
from transmodal.cohorts.split.split import NAMES, Split, groups_of, read_split, split_from_sides
from transmodal.counts import counted

_log = logging.getLogger(__name__)


class GivenSides(NamedTuple):
    """Sides that are decided before cases are prepared.

    Attributes:
        side_of: `train`, `validation` or `test` by case; empty where nothing is decided.
        within_subject: whether they divide patients knowingly, slab by slab.
    """

    side_of: Mapping[str, str]
    within_subject: bool = False


def choose_split(path: Path, manifest: Manifest, sides: GivenSides) -> Split:
    """Return the split of a cohort.

    Args:
        path: of a `split.json` that may stand already.
        manifest: of the cohort.
        sides: of cases, by folder name; those of cases that are left out do not count.
    """
    if not sides.side_of:
        return _keep_or_split(path, manifest)
    side_of = {case: side for case, side in sides.side_of.items() if case not in manifest.left_out}
    return split_from_sides(side_of, within_subject=sides.within_subject)


def _keep_or_split(path: Path, manifest: Manifest) -> Split:
    """Keep a split that still fits; one that was written by hand has to."""
    former = read_split(path) if path.exists() else None
    if former is not None and former.by in ("given", "within-subject"):
        idle = len(manifest.cases) - len({case for name in NAMES for case in former.ids(name)})
        if idle > 0:
            _log.warning("%s was given and leaves %s aside", path.name, counted(idle, "case"))
        return former
    split = split_as(manifest.cases, manifest.options)
    if former is None or _shape(former, manifest) == _shape(split, manifest):
        return former or split
    _log.warning("%s does not fit the cases or the options any more; it is made again", path.name)
    return split


def _shape(split: Split, manifest: Manifest) -> tuple[int, str, tuple[str, ...], tuple[int, ...]]:
    """Return what has to be equal for one split to do for another: seed, folds, cases, groups on each side.

    A split that divides a group counts it twice, and so has no shape of one that divides none.
    """
    owner = {case: name for name, ids in groups_of(manifest.cases).items() for case in ids}
    sides = [split.ids(name) for name in NAMES]
    counts = tuple(len({owner.get(case, "") for case in side}) for side in sides)
    return split.seed, split.how, tuple(sorted(case for side in sides for case in side)), counts
