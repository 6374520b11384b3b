"""Whether a metric can have a figure of a case, told before anything is trained or fitted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from transmodal.cohorts.store import PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.score import METRICS, STANDARD
from transmodal.metrics.registry import Metric, rows_of

_AXIAL = 2
"""Axis of the slices in prepared volumes, which lie closest to RAS."""


class Subjected(NamedTuple):
    """What of a case decides which metrics it can have.

    Attributes:
        id: of the case.
        shape: of its target, `(I, J, K)`, or `(I, J, K, 3)` in colour.
        has_labels: whether it has a segmentation.
        has_mask: whether it is scored inside a mask.
    """

    id: str
    shape: tuple[int, ...]
    has_labels: bool
    has_mask: bool


def check_cases(names: Sequence[str], target: str, cases: Iterable[PreparedCase], *, has_mask: bool) -> None:
    """Refuse metrics that cases can have no figure of; the standard ones can always be taken.

    Args:
        names: of the registry; those of a network are not looked at.
        target: modality that is synthesised.
        cases: that are scored; those without the target are not looked at.
        has_mask: whether they are scored inside a mask.

    Raises:
        UsageError, InputError: as `check`.
    """
    asked = [name for name in names if name in METRICS and name not in STANDARD]
    for case in cases if asked else ():
        if target in case.modalities:
            shape = case.volume(target).voxels.shape
            check(asked, target, Subjected(case.id, shape, case.segmentation() is not None, has_mask))


def check(names: Sequence[str], target: str, case: Subjected) -> None:
    """Refuse metrics that a case can have no figure of.

    Args:
        names: of the registry.
        target: modality that is synthesised.
        case: what decides it.

    Raises:
        UsageError: E004 for a metric of colour where the target is grey or the other way round, or of larger slices.
        InputError: E131 for a case without the mask or the labels that a metric needs.
    """
    for name in names:
        rows = rows_of(name, "colour" if len(case.shape) == 4 else "grey")
        _check_kind(name, rows, target, case)
        _check_size(name, rows, target, case)
        _check_needs(name, rows, case)


def _check_kind(name: str, rows: Sequence[Metric], target: str, case: Subjected) -> None:
    if not rows:
        kind, other = ("colour", "grey") if len(case.shape) == 4 else ("grey", "colour")
        raise UsageError(
            "E004",
            f"the metric {name} of {target}, which is {kind}",
            f"a metric of {kind} volumes; {name} is of {other} ones",
            "Choose another metric, or leave it out.",
        )


def _check_size(name: str, rows: Sequence[Metric], target: str, case: Subjected) -> None:
    side = min(n for axis, n in enumerate(case.shape[:3]) if axis != _AXIAL)
    smallest, slices = max(one.smallest for one in rows), max(one.slices for one in rows)
    if side < smallest or case.shape[_AXIAL] < slices:
        raise UsageError(
            "E004",
            f"the metric {name} of case {case.id}, whose {target} is {' x '.join(map(str, case.shape[:3]))}",
            f"{smallest} pixels or more per side of a slice, {slices} slices or more",
            "Choose another metric, or leave it out.",
        )


def _check_needs(name: str, rows: Sequence[Metric], case: Subjected) -> None:
    needs = {one.needs for one in rows}
    for need, what, is_there in (
        ("labels", "segmentation", case.has_labels),
        ("mask", "mask", case.has_mask),
    ):
        if need in needs and not is_there:
            raise InputError(
                "E131",
                f"case {case.id} without a {what}, which the metric {name} needs",
                f"a {what} in every case",
                f"Prepare the cohort with a {what} per case, or leave the metric out.",
            )
