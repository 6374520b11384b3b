"""Options that say how image files are read where they leave something open; one set for every verb that reads some."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from transmodal.volumes.reading import Reading

PANEL = "Files that leave something open"


@dataclass(frozen=True, slots=True)
class ReadingWords:
    """How image files are read where they leave something open, in the words of the command line."""

    nonfinite: Annotated[
        Literal["refuse", "zero"],
        typer.Option(help="What becomes of voxels that are NaN or infinite.", rich_help_panel=PANEL),
    ] = "refuse"
    orientation_from: Annotated[
        Literal["sform", "qform"] | None,
        typer.Option(help="Where sform and qform disagree: which to believe.", rich_help_panel=PANEL),
    ] = None
    assume_orientation: Annotated[
        str | None,
        typer.Option(help="Where a file does not say how it lies: such as RAS.", rich_help_panel=PANEL),
    ] = None
    frame: Annotated[
        int | None,
        typer.Option(help="Which frame of a series of volumes, from 0.", rich_help_panel=PANEL),
    ] = None

    def reading(self) -> Reading:
        """Return the way of reading that the options ask for."""
        from transmodal.volumes.reading import Reading

        return Reading(self.nonfinite, self.orientation_from, self.assume_orientation, self.frame)


@dataclass(frozen=True, slots=True)
class SeriesReadingWords(ReadingWords):
    """As `ReadingWords`, of a verb that reads folders of DICOM too."""

    series: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER",
            help="Which series of a DICOM folder with several, by SeriesNumber or SeriesInstanceUID.",
            rich_help_panel=PANEL,
        ),
    ] = None

    def reading(self) -> Reading:
        """Return the way of reading that the options ask for."""
        return replace(ReadingWords.reading(self), series=self.series)
