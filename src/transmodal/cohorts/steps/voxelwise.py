"""Steps on the values of a case after it was read, where its data set asks for them: none of them moves a voxel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from transmodal.cohorts.case import Case
from transmodal.errors import InputError
from transmodal.volumes import Volume


class Still:
    """A quick step that brings nothing onto another grid."""

    @property
    def moved(self) -> frozenset[str]:
        """No modality."""
        return frozenset()

    @property
    def waits(self) -> str:
        """Nothing takes long."""
        return ""


@dataclass(frozen=True)
class Clip(Still):
    """Clip modalities to a range of real values; the voxel type stays.

    Attributes:
        modalities: which, where the case has them.
        low: values below become it.
        high: values above become it.
    """

    modalities: tuple[str, ...]
    low: float
    high: float

    def __call__(self, case: Case) -> Case:
        """Return the case clipped."""
        return _with_volumes(
            case, {name: self._clipped(case.volumes[name]) for name in _of(case, self.modalities)}
        )

    def _clipped(self, volume: Volume) -> Volume:
        kind = volume.voxels.dtype
        low, high = self.low, self.high
        if kind.kind in "iu":  # a type that cannot reach an end has nothing to clip there
            least, most = float(np.iinfo(kind).min), float(np.iinfo(kind).max)
            low, high = (min(max(end, least), most) for end in (low, high))
        return volume.with_voxels(np.clip(volume.voxels, low, high).astype(kind))


@dataclass(frozen=True)
class Outside(Still):
    """Set what lies outside the case's mask to one value per modality.

    Attributes:
        values: by modality, as pairs, where the case has it.
    """

    values: tuple[tuple[str, float], ...]

    def __call__(self, case: Case) -> Case:
        """Return the case with these values outside its mask.

        Raises:
            InputError: E131 when it has no mask, E130 when the mask lies on another grid.
        """
        if case.mask is None:
            raise InputError(
                "E131", "no mask", "a mask to tell what is outside", "Give it, or leave --with outside out."
            )
        inside, changed = case.mask, {}
        for name in _of(case, tuple(name for name, _ in self.values)):
            volume = case.volumes[name]
            if not volume.grid.same_as(inside.grid):
                raise InputError(
                    "E130", f"mask and {name} on two grids", "one grid", "Check the files of this case."
                )
            value = np.array(dict(self.values)[name]).astype(volume.voxels.dtype)
            changed[name] = volume.with_voxels(np.where(inside.voxels != 0, volume.voxels, value))
        return _with_volumes(case, changed)


@dataclass(frozen=True)
class Relabel(Still):
    """Give the labels of the segmentation other numbers; 0 stays 0.

    Attributes:
        numbers: pairs of the label as it is and as it shall be; there may be no other labels.
        convention: whose labels they are, for the message.
    """

    numbers: tuple[tuple[int, int], ...]
    convention: str

    def __call__(self, case: Case) -> Case:
        """Return the case with the new labels, `uint8`.

        Raises:
            InputError: E103 when there is a label that the convention does not have.
        """
        if case.segmentation is None:
            return case
        voxels = case.segmentation.voxels
        new = np.zeros(voxels.shape, np.uint8)
        for old, number in self.numbers:
            new[voxels == old] = number
        labels = [0, *(old for old, _ in self.numbers)]
        strange = np.unique(voxels[~np.isin(voxels, labels)])
        if strange.size:
            raise InputError(
                "E103",
                f"a segmentation with the label {strange[0]:g}",
                f"{', '.join(map(str, labels))}, as in {self.convention}",
                "If the labels were mapped before, say --with labels=kept.",
            )
        return replace(case, segmentation=case.segmentation.with_voxels(new))


def _of(case: Case, names: tuple[str, ...]) -> list[str]:
    return [name for name in names if name in case.volumes]


def _with_volumes(case: Case, changed: Mapping[str, Volume]) -> Case:
    return replace(case, volumes={**case.volumes, **changed})
