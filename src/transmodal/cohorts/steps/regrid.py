"""Regridding: a volume on the grid of another that shares its frame of reference, as their headers have it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from transmodal.cohorts.case import Case
from transmodal.errors import InputError
from transmodal.volumes.geometry.resampling import resample


@dataclass(frozen=True)
class Regrid:
    """Resample a volume onto another's grid; nothing is registered, as both have one frame of reference.

    Attributes:
        modality: the volume that is resampled, linearly; 0 outside its field of view.
        fixed: the volume with the grid.
    """

    modality: str
    fixed: str

    def __repr__(self) -> str:
        # Part of a case's fingerprint: under another text, cohorts would be prepared again.
        return f"Laid(modality={self.modality!r}, fixed={self.fixed!r})"

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
        regridded = resample(case.volumes[self.modality], case.volumes[self.fixed].grid, fill=0.0)
        return replace(case, volumes={**case.volumes, self.modality: regridded})
