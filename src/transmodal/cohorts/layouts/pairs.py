"""Pairs by name: a folder per modality, a table, or endings that tell the modality.

    data/t1/anna.nii.gz  data/ct/anna.nii.gz  data/mask/anna.nii.gz     a folder per modality, equal names
    data/pairs.csv       case,patient,group,t1,ct,mask                  paths from the table's folder
    data/sub-NDARINV1.brain.nii.gz  data/sub-NDARINV1.FA.nii.gz         endings, as ABCD's T1 and FA have them

Which of them it is is told by what is there, in this order: the table, the endings, the folders. Images of a
case have to lie on one grid: nothing is registered or resampled unless `onto` says so.

Pictures (PNG, TIFF) are taken where no volume lies beside them, or where the table names them: a picture is a volume
of one slice. Pictures that are slices of a volume are for the layout `slices`, which stacks them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from transmodal.cohorts import release_files
from transmodal.cohorts.case import EXTRA, MODALITY
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.layouts._layout import FolderContents
from transmodal.cohorts.layouts._slice_files import PICTURES, Slices
from transmodal.cohorts.layouts._slice_stack import SliceStack, spacing_of
from transmodal.cohorts.steps.coregistration import plan_coregistrations
from transmodal.errors import InputError, UsageError
from transmodal.storage import listing, placeholders, tables
from transmodal.volumes import io
from transmodal.volumes.reading import STRICT, Reading

TABLE = "pairs.csv"
ABCD = ("t1:.brain", "fa:.FA")
"""Endings of the T1 and FA volumes that Macro2Micro's code reads (arXiv 2412.11277, section on data)."""

_ABOUT = ("case", "patient", "group")
_EXPECTED = (
    f"a folder per modality with equal file names, {TABLE}, or names that end in .brain.nii.gz and .FA.nii.gz"
)


@dataclass(frozen=True)
class Options:
    """Settings of the layout, given with `--with`.

    Attributes:
        need: modalities that a case needs to be taken; all that were found if nothing is said.
        endings: what names end in, as MODALITY:ENDING without the format's ending, such as `t1:_T1w`.
        table: a CSV file elsewhere.
        patient: pattern whose first group, or whole, is the patient, searched in the case's name; where
            it is not found the case is a patient of its own. By default BIDS' `sub-<label>`.
        onto: onto whose grid the other modalities are registered rigidly; empty for none.
        limit_mm: a registration whose two directions differ by more has failed.
        spacing_mm: of pictures: of rows and columns, and a second number for how thick the slice is. Where nothing
            is said it is assumed to be 1, and no recipe's spacing is brought about by it.

    Raises:
        UsageError: E001 for another value.
    """

    need: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()
    table: str = ""
    patient: str = r"^sub-[A-Za-z0-9]+"
    onto: str = ""
    limit_mm: float = 2.0
    spacing_mm: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for ending in self.endings:
            modality, colon, suffix = ending.partition(":")
            if not (colon and suffix and _is_known(modality)):
                raise UsageError(
                    "E001", f"endings={ending}", "MODALITY:ENDING such as t1:_T1w", "Correct it."
                )
        try:
            re.compile(self.patient)
        except re.error as error:
            raise UsageError("E001", f"patient={self.patient}", "a regular expression", str(error)) from error
        if not self.limit_mm > 0:
            raise UsageError("E001", f"limit_mm={self.limit_mm}", "more than 0", "Correct it.")
        spacing_of(self.spacing_mm)  # refuses what is none


def find(
    folder: Path, options: Options = Options(), reading: Reading = STRICT
) -> FolderContents[CaseFiles | SliceStack]:
    """Find the pairs of a folder, and what was left aside.

    Raises:
        UsageError: E004 for pictures that are to be registered.
        InputError: E100 when the folder does not exist or holds no pair, or a file of the table is not
            there; E101 when the table cannot be read; E103 when it lacks a column, or a case has two
            files of one modality; E130 when a case has pictures and volumes; E131 when no case is complete.
    """
    folder = Path(folder)
    paths = release_files.files_below(folder, _EXPECTED)
    table = Path(options.table) if options.table else folder / TABLE
    about: dict[str, dict[str, str]] = {}
    passed_over: list[str] = []
    if options.table or table.is_file():
        parts, about, passed_over = _from_table(table)
        unknown: list[Path] = []
    else:
        parts, unknown = _from_names(folder, paths, options.endings)
    modalities = {name for images in parts.values() for name in images if name not in EXTRA}
    need = options.need or tuple(sorted(modalities)) or ("image",)
    whole, left_out = release_files.complete(
        parts, dict.fromkeys(parts, need), folder, _EXPECTED, release_files.FEWER
    )
    return FolderContents(
        [_case(case, parts[case], about.get(case, {}), options, reading) for case in whole],
        [*passed_over, *release_files.summarise(unknown, folder, "no image of a pair by its place or name")],
        left_out,
    )


def _case(
    case: str, images: Mapping[str, Path], about: Mapping[str, str], options: Options, reading: Reading
) -> CaseFiles | SliceStack:
    match = re.search(options.patient, case)
    patient_in_name = (match[1] if match.re.groups else match[0]) if match else ""
    patient, group = about.get("patient") or patient_in_name or case, about.get("group", "")
    if any(_is_picture(path) for path in images.values()):
        _check_pictures(case, images, options)
        stacks = tuple((name, (Slices(path),)) for name, path in sorted(images.items()))
        return SliceStack(case, patient, stacks, spacing_of(options.spacing_mm), group=group, reading=reading)
    volumes = {name: path for name, path in images.items() if name not in EXTRA}
    return CaseFiles(
        case,
        patient,
        volumes,
        images.get("mask"),
        images.get("segmentation"),
        group=group,
        steps=plan_coregistrations(options.onto, volumes, options.limit_mm),
        reading=reading,
    )


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURES


def _check_pictures(case: str, images: Mapping[str, Path], options: Options) -> None:
    volume = next((path for path in images.values() if not _is_picture(path)), None)
    if volume is not None:
        picture = next(path for path in images.values() if _is_picture(path))
        raise InputError(
            "E130",
            f"{case} with the picture {picture.name} and the volume {volume.name}",
            "one or the other: a picture has no place in space",
            "Save the picture as a volume, or the slice of the volume as a picture.",
        )
    if options.onto:
        raise UsageError(
            "E004",
            f"onto={options.onto} for {case}, which consists of pictures",
            "volumes, which have a place in space",
            "Leave onto out: pictures of a case are taken pixel upon pixel.",
        )


def _from_names(
    folder: Path, paths: list[Path], endings: tuple[str, ...]
) -> tuple[release_files.Parts, list[Path]]:
    volumes = [path for path in paths if release_files.is_volume(path)]
    # Beside volumes pictures are overviews of them.
    images = volumes or [path for path in paths if _is_picture(path)]
    # The longest first: `_T1w_fa` ends in `_fa` too.
    by_length = sorted((ending.split(":", 1) for ending in endings or ABCD), key=lambda pair: -len(pair[1]))
    parts: release_files.Parts = {}
    unknown = [path for path in paths if path not in set(images)]
    by_ending = bool(endings) or any(_by_ending(path, by_length) for path in images)
    for path in images:
        modality, case = (_by_ending(path, by_length) if by_ending else _by_folder(path, folder)) or ("", "")
        if case:
            release_files.add(parts, case, modality, path)
        else:
            unknown.append(path)
    return parts, sorted(unknown)


def _by_ending(path: Path, endings: list[list[str]]) -> tuple[str, str] | None:
    """Return modality and case, by the end of a file's name."""
    stem = release_files.stem(path)
    for modality, ending in endings:
        if stem.endswith(ending) and stem != ending:
            return modality, stem[: -len(ending)]
    return None


def _by_folder(path: Path, folder: Path) -> tuple[str, str] | None:
    """Return modality and case, by the folder below `folder` that holds the file."""
    modality = path.parent.name.lower().replace("-", "_")
    return (
        (modality, release_files.stem(path)) if path.parent.parent == folder and _is_known(modality) else None
    )


def _from_table(table: Path) -> tuple[release_files.Parts, dict[str, dict[str, str]], list[str]]:
    """Return files by case, what else the table says of the case, and the columns that are passed over."""
    columns, rows = tables.read(table)
    modalities = {column: _modality_of(column) for column in columns if _names_images(column, rows, table)}
    strange = [column for column, modality in modalities.items() if not _is_known(modality)]
    if strange or "case" not in columns:
        raise InputError(
            "E103",
            f"{table.name} with {f'images in the column {strange[0]!r}' if strange else 'no column case'}",
            "a column case, perhaps patient and group, and a column for each modality, such as t1",
            "Correct the heading.",
        )
    parts: release_files.Parts = {}
    about: dict[str, dict[str, str]] = {}
    for row in rows:
        case = row["case"]
        if not case or case in about:
            raise InputError(
                "E103",
                f"{table.name} with the case {case!r}",
                "each case named, and once",
                "Correct the table.",
            )
        about[case] = {column: row[column] for column in _ABOUT if column in row}
        parts.setdefault(case, {})
        for column, modality in modalities.items():
            if row[column]:
                release_files.add(
                    parts, case, modality, _check_exists(table.parent / row[column], case, modality)
                )
    ignored = [column for column in columns if column and column not in _ABOUT and column not in modalities]
    return parts, about, [f"{table.name}: column {column} (names no image)" for column in ignored]


def _modality_of(column: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")


def _names_images(column: str, rows: Sequence[Mapping[str, str]], table: Path) -> bool:
    """Return whether a column holds images: a cell is named as one, or leads to a file or folder."""
    if not column or column in _ABOUT:
        return False
    cells = (row[column] for row in rows if row[column])
    return any(io.is_image(Path(cell)) or listing.exists(table.parent / cell) for cell in cells)


def _check_exists(path: Path, case: str, modality: str) -> Path:
    if not listing.exists(path):
        placeholders.refuse(path)
        raise InputError(
            "E100",
            f"{case} without {modality}: no {path.name}",
            "the file that the table names",
            "Correct it.",
        )
    return path


def _is_known(name: str) -> bool:
    return name in EXTRA or bool(MODALITY.fullmatch(name))
