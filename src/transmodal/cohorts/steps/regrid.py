"""Laying: a volume onto the grid of another that shares its frame of reference, by what their headers say."""

from __future__ import annotations

from dataclasses import dataclass, replace

from transmodal.cohorts.case import Case
from transmodal.errors import InputError
from transmodal.volumes.geometry.resampling import resample


@dataclass(frozen=True)
class Laid:
    """Resample a volume onto another's grid; nothing is registered, as both have one frame of reference.

    Attributes:
        modality: what is resampled, linearly; 0 outside its field of view.
        fixed: whose grid.
    """

    modality: str
    fixed: str

    @property
    def moved(self) -> frozenset[str]:
        """The volume that comes onto the other's grid."""
        return frozenset({self.modality})

    @property
    def waits(self) -> str:
        """Nothing takes long."""
        return ""

    def __call__(self, case: Case) -> Case:
        """Return the case with the volume on the other's grid.

        Raises:
            InputError: E131 when one of both is missing.
        """
        for name in (self.modality, self.fixed):
            if name not in case.volumes:
                raise InputError("E131", f"no {name}", "what is to be laid", "Leave the case out.")
        laid = resample(case.volumes[self.modality], case.volumes[self.fixed].grid, fill=0.0)
        return replace(case, volumes={**case.volumes, self.modality: laid})
