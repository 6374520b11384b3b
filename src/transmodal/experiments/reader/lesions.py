"""Voxels of lesions in the cases of a reader study: labels of their segmentations, or what was planted in virtual subjects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.simulation.planted import Planted, read_subject
from transmodal.cohorts.store import PreparedCase
from transmodal.errors import UsageError
from transmodal.evaluation.measures.lesions import CORE


class LesionSource(NamedTuple):
    """Where lesions are known from.

    Attributes:
        labels: of segmentations that are lesion; empty where lesions were planted.
        subjects: folder of the virtual subjects; None where labels say it.
    """

    labels: tuple[int, ...] = ()
    subjects: Path | None = None

    def voxels(self, case: PreparedCase, target: str) -> NDArray[np.bool_] | None:
        """Return the voxels of lesions on the case's grid; None for a case without a segmentation.

        Args:
            case: of the cohort.
            target: modality that is shown; planted lesions lie where its own shift puts them.

        Raises:
            InputError: as `simulation.planted.read_subject`.
        """
        if self.subjects is None:
            labels = case.segmentation()
            return None if labels is None else np.isin(labels, self.labels)
        planted = Planted(read_subject(self.subjects, case.id), case.grid, target)
        voxels = np.zeros(case.grid.shape, bool)
        for lesion in planted.lesions():
            voxels |= lesion.coverage >= CORE
        return voxels

    def text(self) -> str:
        """Return it in words, for a protocol."""
        if self.subjects is not None:
            return "planted in the virtual subjects"
        numbers = ", ".join(map(str, self.labels))
        return f"the segmentation's label{'s' if len(self.labels) > 1 else ''} {numbers}"


def lesion_source(labels: Sequence[int], subjects: Path | None) -> LesionSource | None:
    """Return where lesions are known from; None where nothing says it.

    Raises:
        UsageError: E004 for both, E001 for a label that is none.
    """
    if labels and subjects is not None:
        raise UsageError("E004", "--lesion-labels beside --subjects", "one of them", "Leave one of them out.")
    if any(label <= 0 for label in labels):
        raise UsageError(
            "E001",
            f"--lesion-labels {','.join(map(str, labels))}",
            "numbers from 1 on, such as 1,2,4",
            "Name the labels of the segmentation that are lesion.",
        )
    return LesionSource(tuple(labels), subjects) if labels or subjects is not None else None
