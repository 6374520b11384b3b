"""An interval around a translation: its lower and upper volume, and what they promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from transmodal.errors import InputError
from transmodal.inference.translation import Translation
from transmodal.volumes import Volume
from transmodal.volumes.bounds import Bounds

Score = Literal["absolute", "normalised"]
"""How an error is measured: in the target's unit, or by the disagreement of the passes at its voxel."""

RECORD = "interval"
"""Key of a sidecar under which its interval stands."""


@dataclass(frozen=True, slots=True)
class VoxelInterval:
    """How far the ends of an interval lie from a translation, and what is said of it.

    Attributes:
        score: how errors were measured.
        factor: half of the interval's width; of a normalised score in disagreements.
        floor: added to the disagreement, in the target's unit; 0 of an absolute score.
        about: what the sidecar says besides: level, subjects, cohort, regions and the promise.
    """

    score: Score
    factor: float
    floor: float
    about: Mapping[str, Any]

    def apply(self, translation: Translation, bounds: Bounds) -> Translation:
        """Return a translation with its interval, clipped to the range of the target.

        Outside the region where the run translates both ends are the volume itself.

        Args:
            translation: with the disagreement that a normalised score needs.
            bounds: of the target's values.
        """
        volume = translation.volume
        half = self.factor * scale(translation, self.score, self.floor)
        if translation.region is not None:
            half = np.where(translation.region.voxels > 0, half, 0.0)
        ends = tuple(
            volume.with_voxels(bounds.clip((volume.voxels + sign * half).astype(np.float32))[0])
            for sign in (-1, 1)
        )
        record = {**translation.record, RECORD: self.to_json()}
        return replace(translation, interval=(ends[0], ends[1]), record=record)

    def to_json(self) -> dict[str, Any]:
        """Return what a sidecar says of it."""
        return {**self.about, "score": self.score, "factor": self.factor, "floor": self.floor}


def scale(translation: Translation, score: Score, floor: float) -> NDArray[np.float64]:
    """Return what errors are divided by, voxel by voxel: 1, or the disagreement and a floor.

    Args:
        translation: whose errors they are.
        score: how they are measured.
        floor: in the target's unit.
    """
    if score == "absolute" or translation.disagreement is None:
        return np.ones(translation.volume.grid.shape)
    return np.asarray(translation.disagreement.voxels, np.float64) + floor


def error_scores(
    translation: Translation, target: Volume, score: Score, floor: float, bounds: Bounds
) -> NDArray[Any]:
    """Return the scores of a translation's voxels, inside the region where the run translates.

    A value that is outside the target's range is in no interval: its score is infinite.

    Args:
        translation: of a source whose target was measured.
        target: on the same grid.
        score: how errors are measured.
        floor: of a normalised score.
        bounds: of the target's values.
    """
    measured = np.asarray(target.voxels, np.float64)
    errors = np.abs(measured - translation.volume.voxels) / scale(translation, score, floor)
    low, high = (
        open_end if end is None else end for end, open_end in zip(bounds, (-np.inf, np.inf), strict=True)
    )
    errors[(measured < low) | (measured > high)] = np.inf
    region = translation.region
    return errors.ravel() if region is None else errors[region.voxels > 0]


class _Recorded(BaseModel):
    """An interval as a sidecar records it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    score: Score
    factor: float
    floor: float


def of_record(content: Mapping[str, Any]) -> VoxelInterval | None:
    """Return the interval that a sidecar records; None where there is none.

    Raises:
        InputError: E102 for one that makes no sense.
    """
    if RECORD not in content:
        return None
    try:
        recorded = _Recorded.model_validate(content[RECORD])
    except ValidationError as error:
        raise InputError(
            "E102", "a sidecar whose interval makes no sense", "one that translate wrote", "Translate again."
        ) from error
    about = dict(recorded.model_extra or {})
    return VoxelInterval(recorded.score, recorded.factor, recorded.floor, about)
