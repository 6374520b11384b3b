"""T1 and FA of a case: FA checked, or fitted to a diffusion series, and one brought onto the other's grid."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from transmodal.cohorts.case import Case, Origin, Step
from transmodal.cohorts.case_files import describe_reading, sha256_content
from transmodal.cohorts.steps.voxelwise import Still
from transmodal.errors import InputError
from transmodal.storage import files
from transmodal.volumes import diffusion, io
from transmodal.volumes.geometry.resampling import resample
from transmodal.volumes.reading import STRICT, Reading

_PROCESSED = re.compile(r"preproc|eddy", re.IGNORECASE)
_FSL_FOLDER = ("data", "nodif_brain_mask")
_FA_MOST = 1.5  # sqrt(1.5) = 1.22 is what a negative eigenvalue can lead to; more is another unit
_ROUNDING = 1e-6


class DiffusionSeries(NamedTuple):
    """Files of a diffusion series.

    Attributes:
        dwi: the volumes.
        bval: their b-values.
        bvec: their directions.
        mask: where to fit; None to find the brain in b0.
    """

    dwi: Path
    bval: Path
    bvec: Path
    mask: Path | None = None


@dataclass(frozen=True, slots=True)
class TensorCase:
    """One case whose FA is fitted to a preprocessed series; a `CaseMaker`.

    Attributes:
        id: name of the case.
        patient: whose it is.
        t1: its T1.
        series: its diffusion series.
        is_preprocessed: whether the user says so, whatever the names say.
        b_max: greatest b to take, in s/mm^2.
        steps: what is done with `t1`, `fa` and `b0`; the last one is dropped afterwards.
        group: family or site.
        reading: how the files are read where they leave something open.
    """

    id: str
    patient: str
    t1: Path
    series: DiffusionSeries
    is_preprocessed: bool = False
    b_max: float = 1500.0
    steps: tuple[Step, ...] = ()
    group: str = ""
    reading: Reading = STRICT

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities of the case."""
        return ("t1", "fa")

    def fingerprint(self) -> str:
        """Return a hash of the files and of how they are taken.

        Raises:
            InputError: E100 when a file is not there.
        """
        inputs = [(path.name, sha256_content(path)) for path in (self.t1, *self._of_series())]
        parameters = (self.id, self.patient, self.group, self.is_preprocessed, self.b_max, repr(self.steps))
        return files.sha256_text(ascii((inputs, parameters, *describe_reading(self.reading))))

    def load(self) -> Case:
        """Read T1, fit FA, bring them together; notes tell of the fit.

        Raises:
            InputError: E100 for a series that looks unprocessed, and as `volumes.io.read`,
                `volumes.diffusion.read_gradients`, `volumes.diffusion.fit_tensors` and the steps.
            ResourceError: E404 without dipy, E401, E402.
        """
        self._refuse_raw()
        series = self.series
        mask = None if series.mask is None else io.read_grey_fitted(series.mask, self.reading)
        gradients = diffusion.read_gradients(series.bval, series.bvec)
        fitted = diffusion.fit_tensors(
            series.dwi, gradients, b_max=self.b_max, mask=mask, reading=self.reading
        )
        volumes = {"t1": io.read_grey_fitted(self.t1, self.reading), "fa": fitted.fa, "b0": fitted.b0}
        hashes = ascii([sha256_content(path) for path in self._of_series()])
        origins = {
            "t1": Origin(self.t1.name, sha256_content(self.t1)),
            "fa": Origin(series.dwi.name, files.sha256_text(hashes)),
        }
        case = Case(self.id, self.patient, volumes, group=self.group, origins=origins, notes=fitted.notes)
        for step in self.steps:
            case = step(case)
        is_still_there = mask is not None and mask.grid.same_as(case.volumes["fa"].grid)
        return replace(
            case,
            volumes={name: case.volumes[name] for name in ("t1", "fa")},
            mask=mask if is_still_there else None,
        )

    def _of_series(self) -> list[Path]:
        return [path for path in self.series if path is not None]

    def _refuse_raw(self) -> None:
        name = self.series.dwi.name
        if not (self.is_preprocessed or looks_preprocessed(self.series)):
            raise InputError(
                "E100",
                f"{name} looks unprocessed: nothing says that motion, eddy currents and distortion were taken "
                "out, without which FA is wrong",
                "preproc or eddy in its name, eddy_rotated_bvecs beside it, or FSL's data with nodif_brain_mask",
                "Preprocess it, with QSIPrep or with FSL's topup and eddy; if it was, say so: "
                "--with preprocessed=true.",
            )


def looks_preprocessed(series: DiffusionSeries) -> bool:
    """Return whether, by names, a series was preprocessed: FSL's eddy turns the vectors, QSIPrep says `desc-preproc`."""
    if _PROCESSED.search(series.dwi.name) or series.bvec.name.endswith("eddy_rotated_bvecs"):
        return True
    data, mask = _FSL_FOLDER
    return series.dwi.name.startswith(f"{data}.nii") and any(series.dwi.parent.glob(f"{mask}.nii*"))


@dataclass(frozen=True)
class InUnits(Still):
    """Refuse an FA in other units, and note how much of it lies outside [0, 1]; nothing changes."""

    def __call__(self, case: Case) -> Case:
        """Return the case with the note `fa_outside`, a share of the voxels that are not 0.

        Raises:
            InputError: E122 for colour, E103 for values far outside [0, 1].
        """
        volume = case.volumes.get("fa")
        if volume is None:
            return case
        if volume.is_colour:
            raise InputError("E122", "fa in colour", "FA, not a map of directions", "Give the grey FA.")
        low, high = float(volume.voxels.min()), float(volume.voxels.max())
        if low < 1 - _FA_MOST or high > _FA_MOST:
            raise InputError(
                "E103",
                f"fa from {low:g} to {high:g}",
                "0 to 1",
                "Divide it by its scale, such as 1000 or 255.",
            )
        values = volume.voxels[volume.voxels != 0]
        outside = float(((values < -_ROUNDING) | (values > 1 + _ROUNDING)).mean()) if values.size else 0.0
        return replace(case, notes={**case.notes, "fa_outside": round(outside, 6)})


@dataclass(frozen=True)
class OneGrid(Still):
    """Refuse T1 and FA on two grids, and say how to bring them together."""

    def __call__(self, case: Case) -> Case:
        """Return the case as it is.

        Raises:
            InputError: E130.
        """
        t1, fa = case.volumes.get("t1"), case.volumes.get("fa")
        if t1 is not None and fa is not None and not t1.grid.same_as(fa.grid):
            apart = np.abs(t1.spacing).round(3).tolist(), np.abs(fa.spacing).round(3).tolist()
            raise InputError(
                "E130",
                f"t1 of {t1.grid.shape} voxels, {apart[0]} mm, and fa of {fa.grid.shape}, {apart[1]} mm, on two grids",
                "one grid",
                "Register T1 onto FA's grid: --with onto=fa; where headers share one world, add --with by=header.",
            )
        return case


@dataclass(frozen=True)
class ByHeader:
    """Sample contrasts on the grid of another, where the headers say that they lie.

    Attributes:
        fixed: whose grid; never resampled.
        moving: contrasts that are sampled, once, linearly (see `volumes.geometry.resampling.resample`).
    """

    fixed: str
    moving: tuple[str, ...]

    @property
    def moved(self) -> frozenset[str]:
        """Contrasts that are sampled on the fixed contrast's grid."""
        return frozenset(self.moving)

    @property
    def waits(self) -> str:
        """Description of the sampling."""
        return f"{', '.join(self.moving)} to be sampled on {self.fixed}'s grid, as the headers lie"

    def __call__(self, case: Case) -> Case:
        """Return the case on one grid, float32 where it was sampled.

        Raises:
            InputError: E130 when a contrast does not reach half of the other's field of view.
        """
        grid = case.volumes[self.fixed].grid
        sampled = {}
        for name in self.moving:
            volume = case.volumes[name]
            middle = volume.grid.voxel(grid.world((np.array(grid.shape) - 1) / 2))
            if (middle < 0).any() or (middle > np.array(volume.grid.shape) - 1).any():
                raise InputError(
                    "E130",
                    f"the middle of {self.fixed} lies outside {name}, by their headers",
                    "headers that share one world",
                    "Register instead: --with by=register.",
                )
            sampled[name] = resample(volume, grid, fill=float(volume.voxels.min()))
        return replace(case, volumes={**case.volumes, **sampled})
