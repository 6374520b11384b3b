"""How image files are read where they leave something open: the user's word for it, as it travels with a case."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from transmodal.volumes import io
from transmodal.volumes.formats import nifti
from transmodal.volumes.formats.nifti_affine import Form
from transmodal.volumes.volume import Volume
from transmodal.volumes.voxels import Nonfinite


@dataclass(frozen=True, slots=True)
class Reading:
    """What the user says of files that do not say it themselves; by default nothing, and such files are refused.

    Attributes:
        nonfinite: refuse voxels that are NaN or infinite, or take them as 0.
        orientation_from: which form of a NIfTI header to believe where they disagree.
        assume_orientation: axis codes such as `RAS` for files that do not say how they lie.
        frame: which volume of a NIfTI series, from 0.
        series: which series of a DICOM folder with several, by SeriesNumber or SeriesInstanceUID.
    """

    nonfinite: Nonfinite = "refuse"
    orientation_from: Form | None = None
    assume_orientation: str | None = None
    frame: int | None = None
    series: str | None = None

    def read(self, path: Path) -> Volume:
        """Read one image strictly.

        Raises:
            TransmodalError: as `volumes.io.read`.
        """
        return io.read(
            path,
            nonfinite=self.nonfinite,
            orientation_from=self.orientation_from,
            assume_orientation=self.assume_orientation,
            frame=self.frame,
            series=self.series,
        )

    def read_grey(self, path: Path) -> Volume:
        """Read one grey image strictly.

        Raises:
            TransmodalError: as `volumes.io.read_grey`.
        """
        return io.read_grey(
            path,
            nonfinite=self.nonfinite,
            orientation_from=self.orientation_from,
            assume_orientation=self.assume_orientation,
            frame=self.frame,
            series=self.series,
        )

    def fitted(self, path: Path) -> Reading:
        """Return this without a frame where a file holds one volume: a case has series and volumes side by side.

        Raises:
            TransmodalError: as `volumes.formats.nifti.n_volumes`.
        """
        is_nifti = path.is_file() and path.name.lower().endswith((".nii", ".nii.gz"))
        has_frames = self.frame is not None and is_nifti and nifti.n_volumes(path) > 1
        return self if has_frames else replace(self, frame=None)


STRICT = Reading()
"""Nothing is taken on a user's word."""
