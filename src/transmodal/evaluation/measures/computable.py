"""Refuse metrics that cases can have no value of, before anything is trained or fitted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from transmodal.cohorts.store import PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.score import STANDARD
from transmodal.metrics import registry
from transmodal.metrics.metric import Metric

_AXIAL = 2
"""Axis of the slices in prepared volumes, which lie closest to RAS."""


class ScoredCase(NamedTuple):
    """The facts about a case that decide which metrics it can have.

    Attributes:
        id: of the case.
        shape: of its target, `(I, J, K)`, or `(I, J, K, 3)` in colour.
        has_labels: whether it has a segmentation.
        has_mask: whether it is scored inside a mask.
        unit: of its target; empty where it is not known.
    """

    id: str
    shape: tuple[int, ...]
    has_labels: bool
    has_mask: bool
    unit: str = ""


def check_cases(
    names: Sequence[str], target: str, cases: Iterable[PreparedCase], *, has_mask: bool, unit: str = ""
) -> None:
    """Refuse metrics that cases can have no figure of; the standard ones can always be taken.

    Args:
        names: of the registry; those of a network are not looked at.
        target: modality that is synthesised.
        cases: that are scored; those without the target are not looked at.
        has_mask: whether they are scored inside a mask.
        unit: of the target; empty where it is not known.

    Raises:
        UsageError, InputError: as `check`.
    """
    checked = [name for name in names if name in registry.names() and name not in STANDARD]
    for case in cases if checked else ():
        if target in case.modalities:
            shape, labels = case.entry.volumes[target].shape, case.entry.segmentation
            check(checked, target, ScoredCase(case.id, shape, labels is not None, has_mask, unit))


def check(names: Sequence[str], target: str, case: ScoredCase) -> None:
    """Refuse metrics that a case can have no figure of.

    Args:
        names: of the registry.
        target: modality that is synthesised.
        case: what decides it.

    Raises:
        UsageError: E004 for a metric of colour where the target is grey or the other way round, or of larger slices.
        InputError: E131 for a case without the mask or the labels that a metric needs.
    """
    for metric in map(registry.find, names):
        _check_kind(metric, target, case)
        _check_size(metric, target, case)
        _check_needs(metric, case)


def _check_kind(metric: Metric, target: str, case: ScoredCase) -> None:
    if metric.takes_unit and case.unit not in ("", metric.takes_unit):
        raise UsageError(
            "E004",
            f"the metric {metric.name} of {target} in {case.unit}",
            f"values in {metric.takes_unit}",
            "Choose another metric, or leave it out.",
        )
    kind, opposite = ("colour", "grey") if len(case.shape) == 4 else ("grey", "colour")
    if metric.kind == opposite:
        raise UsageError(
            "E004",
            f"the metric {metric.name} of {target}, which is {kind}",
            f"a metric of {kind} volumes; {metric.name} is of {opposite} ones",
            "Choose another metric, or leave it out.",
        )


def _check_size(metric: Metric, target: str, case: ScoredCase) -> None:
    side = min(n for axis, n in enumerate(case.shape[:3]) if axis != _AXIAL)
    if side < metric.smallest or case.shape[_AXIAL] < metric.slices:
        raise UsageError(
            "E004",
            f"the metric {metric.name} of case {case.id}, whose {target} is {' x '.join(map(str, case.shape[:3]))}",
            f"{metric.smallest} pixels or more per side of a slice, {metric.slices} slices or more",
            "Choose another metric, or leave it out.",
        )


def _check_needs(metric: Metric, case: ScoredCase) -> None:
    for need, part, has_part in (
        ("labels", "segmentation", case.has_labels),
        ("mask", "mask", case.has_mask),
        ("inside", "mask", case.has_mask),
    ):
        if metric.needs == need and not has_part:
            raise InputError(
                "E131",
                f"case {case.id} without a {part}, which the metric {metric.name} needs",
                f"a {part} in every case",
                f"Prepare the cohort with a {part} per case, or leave the metric out.",
            )
