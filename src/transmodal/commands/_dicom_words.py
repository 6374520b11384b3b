"""Options of `translate` that write DICOM, in the words of the command line; light, as it imports them to show help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from transmodal.errors import UsageError

if TYPE_CHECKING:
    from transmodal.commands._dicom_out import DicomOptions

PANEL = "DICOM"


@dataclass(frozen=True, slots=True)
class DicomWords:
    """How synthetic volumes are written as DICOM, in the words of the command line.

    Attributes:
        form: `dicom`, or `parametric-map` for one object of real numbers; None writes files by their endings.
        patient: PatientID, where the source is no DICOM.
        study: StudyInstanceUID, where the source is no DICOM.
        body_part: BodyPartExamined in DICOM's words, such as `HEAD` or `PELVIS`, where the source is no DICOM.
        deidentify: replace names, ids and UIDs, and leave out dates, by PS3.15's Basic Profile.
        uid_key: file of the secret under which they are replaced alike in each call; made where it is not there.
        onto: folder of a DICOM series of the same patient, whose grid and frame of reference it gets.
        onto_series: SeriesNumber or SeriesInstanceUID, where that folder holds several.
        grid: `axial` for slices that are not oblique and an even matrix; None leaves the source's grid.
        spacing: of such a grid, between columns, rows and slices, such as `1,1,3`; the source's by default.
        burn_in: write the word SYNTHETIC into every slice.
        with_region: also write the region that the run translates, as a DICOM Segmentation beside the series.
    """

    form: Annotated[
        Literal["dicom", "parametric-map"] | None,
        typer.Option(
            "--as",
            help="dicom: a series of CT or MR images in a folder, of the source's patient and study; "
            "parametric-map: one DICOM object of real numbers in a folder, such as FA.",
            rich_help_panel=PANEL,
        ),
    ] = None
    patient: Annotated[
        str, typer.Option(help="PatientID, where the source is no DICOM.", rich_help_panel=PANEL)
    ] = ""
    study: Annotated[
        str, typer.Option(help="StudyInstanceUID, where the source is no DICOM.", rich_help_panel=PANEL)
    ] = ""
    body_part: Annotated[
        str,
        typer.Option(
            help="BodyPartExamined, such as HEAD or PELVIS, where the source is no DICOM.",
            rich_help_panel=PANEL,
        ),
    ] = ""
    deidentify: Annotated[
        bool,
        typer.Option(
            "--deidentify",
            help="Replace names, ids and UIDs, and leave out dates (PS3.15, Basic Profile).",
            rich_help_panel=PANEL,
        ),
    ] = False
    uid_key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="With --deidentify: secret under which each call replaces alike; made where it is not there.",
            rich_help_panel=PANEL,
        ),
    ] = None

    onto: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="DICOM series, such as a planning CT, whose grid and frame of reference it gets.",
            rich_help_panel=PANEL,
        ),
    ] = None
    onto_series: Annotated[
        str,
        typer.Option(
            help="SeriesNumber or SeriesInstanceUID, where the folder of --onto holds several.",
            rich_help_panel=PANEL,
        ),
    ] = ""
    grid: Annotated[
        Literal["axial"] | None,
        typer.Option(
            help="axial: transverse slices, not oblique, an even matrix, for planning systems.",
            rich_help_panel=PANEL,
        ),
    ] = None
    spacing: Annotated[
        str,
        typer.Option(
            metavar="MM,MM,MM",
            help="With --grid: between columns, rows and slices, such as 1,1,3; the source's by default.",
            rich_help_panel=PANEL,
        ),
    ] = ""

    burn_in: Annotated[
        bool,
        typer.Option("--burn-in", help="Write the word SYNTHETIC into every slice.", rich_help_panel=PANEL),
    ] = False
    with_region: Annotated[
        bool,
        typer.Option(
            "--with-region",
            help="Also write the region that the run translates, such as the brain or the body, as a DICOM Segmentation: "
            "OUTPUT_region.dcm, beside the series.",
            rich_help_panel=PANEL,
        ),
    ] = False

    def options(self) -> DicomOptions | None:
        """Return the options of DICOM where it is asked for; None where files are written by their endings.

        Raises:
            UsageError: E001 for a spacing that is not three numbers, E004 for options of DICOM without it, for a key without
                `deidentify`, and for options of the grid that do not go together.
        """
        from transmodal.commands._dicom_out import DicomOptions

        if self.form is None and self != DicomWords():
            raise UsageError(
                "E004", "options of DICOM without --as dicom", "--as dicom", "Add it, or leave them out."
            )
        if self.uid_key is not None and not self.deidentify:
            raise UsageError("E004", "--uid-key without --deidentify", "both", "Add --deidentify.")
        if self.onto is not None and self.grid is not None:
            raise UsageError("E004", "--onto and --grid", "one of the two", "Leave one of them out.")
        if self.onto_series and self.onto is None:
            raise UsageError("E004", "--onto-series without --onto", "both", "Add --onto FOLDER.")
        if self.spacing and self.grid is None:
            raise UsageError("E004", "--spacing without --grid axial", "both", "Add --grid axial.")
        if self.burn_in and self.form == "parametric-map":
            raise UsageError("E004", "--burn-in of a parametric map", "--as dicom", "Leave --burn-in out.")
        if self.with_region and self.form == "parametric-map":
            raise UsageError(
                "E004",
                "--with-region of a parametric map",
                "--as dicom, whose slices a segmentation refers to",
                "Leave --with-region out, or write a series.",
            )
        if self.form is None:
            return None
        return DicomOptions(
            self.patient,
            self.study,
            self.deidentify,
            self.uid_key,
            self.onto,
            self.grid is not None,
            _spacing_of(self.spacing),
            self.burn_in,
            self.form == "parametric-map",
            self.body_part,
            self.with_region,
            self.onto_series,
        )


def words_of(form: str | DicomWords) -> DicomWords:
    """Return the words that Python gives for a form: `dicom`, `parametric-map`, or a record of which each word is of DICOM.

    Raises:
        UsageError: E001 for another form.
    """
    from dataclasses import replace

    if isinstance(form, DicomWords):
        return replace(form, form=form.form or "dicom")
    if form not in ("", "dicom", "parametric-map"):
        raise UsageError(
            "E001",
            f"form {form!r}",
            "dicom or parametric-map",
            "Leave it out to write a file by its ending.",
        )
    if not form:
        return DicomWords()
    return DicomWords(form="dicom" if form == "dicom" else "parametric-map")


def _spacing_of(words: str) -> tuple[float, ...] | None:
    """Return the numbers of `--spacing`; None without it."""
    try:
        numbers = tuple(float(word) for word in words.split(",")) if words else None
    except ValueError:
        numbers = ()
    if numbers is not None and len(numbers) != 3:
        raise UsageError(
            "E001", f"--spacing {words}", "three numbers of mm, such as 1,1,3", "Part them by commas."
        )
    return numbers
