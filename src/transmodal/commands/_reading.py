"""Options that say how image files are read where they leave something open; one set for every verb that reads some."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from transmodal.volumes.reading import Reading

PANEL = "Files that leave something open"


class Nonfinite(StrEnum):
    """Treatment of voxels that are not finite."""

    REFUSE = "refuse"
    ZERO = "zero"


class Form(StrEnum):
    """The form of a NIfTI header to believe."""

    SFORM = "sform"
    QFORM = "qform"


NonfiniteVoxels = Annotated[
    Nonfinite,
    typer.Option(
        "--nonfinite", help="What becomes of voxels that are NaN or infinite.", rich_help_panel=PANEL
    ),
]
OrientationFrom = Annotated[
    Form | None,
    typer.Option(help="Where sform and qform disagree: which to believe.", rich_help_panel=PANEL),
]
AssumeOrientation = Annotated[
    str | None,
    typer.Option(help="Where a file does not say how it lies: such as RAS.", rich_help_panel=PANEL),
]
Frame = Annotated[
    int | None,
    typer.Option(help="Which frame of a series of volumes, from 0.", rich_help_panel=PANEL),
]
DicomSeries = Annotated[
    str | None,
    typer.Option(
        "--series",
        metavar="NUMBER",
        help="Which series of a DICOM folder with several, by SeriesNumber or SeriesInstanceUID.",
        rich_help_panel=PANEL,
    ),
]
_FORMS: dict[Form | None, Literal["sform", "qform"]] = {Form.SFORM: "sform", Form.QFORM: "qform"}


def reading_of(
    nonfinite: Nonfinite,
    orientation_from: Form | None,
    assume_orientation: str | None,
    frame: int | None,
    series: str | None = None,
) -> Reading:
    """Return the way of reading that the options ask for."""
    from transmodal.volumes.reading import Reading

    return Reading(nonfinite.value, _FORMS.get(orientation_from), assume_orientation, frame, series)
