"""Settings of the user for image files that leave something open, as they travel with a case."""

from __future__ import annotations

from dataclasses import dataclass

from transmodal.volumes.formats.nifti_affine import Form
from transmodal.volumes.voxels import Nonfinite


@dataclass(frozen=True, slots=True)
class Reading:
    """Settings for files that do not say something themselves; by default there are none, and such files are refused.

    Attributes:
        nonfinite: refuse voxels that are NaN or infinite, or take them as 0.
        orientation_from: which form of a NIfTI header to believe where they disagree.
        assume_orientation: axis codes such as `RAS` for files that do not say how they lie, as no picture does.
        frame: which volume of a NIfTI series, from 0.
        series: which series of a DICOM folder with several, by SeriesNumber or SeriesInstanceUID.
    """

    nonfinite: Nonfinite = "refuse"
    orientation_from: Form | None = None
    assume_orientation: str | None = None
    frame: int | None = None
    series: str | None = None


STRICT = Reading()
"""Nothing is taken on a user's word."""
