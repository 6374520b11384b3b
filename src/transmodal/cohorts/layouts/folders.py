"""The plain layout: one folder per case, one image file per modality.

    subjects/
      anna-1/  t1.nii.gz  fa.nii.gz  mask.nii.gz  segmentation.nii.gz
      anna-2/  t1.nii.gz  fa.nii.gz  case.json
      cases.csv                      # optional: case,patient,group
      labels.csv                     # optional: label,name of the segmentations' labels

`case.json` may say `patient`, `group`, `simulated` (a list of modalities) and `labels` (numbers by name); the tables
outrank it.
Without either every case is a patient of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transmodal.cohorts import label_names
from transmodal.cohorts.case import EXTRA, MODALITY, Case
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.layouts._layout import FolderContents
from transmodal.cohorts.steps.coregistration import plan_coregistrations
from transmodal.errors import InputError, UsageError
from transmodal.storage import files, listing, placeholders, tables
from transmodal.volumes import io
from transmodal.volumes.reading import STRICT, Reading

TABLE = "cases.csv"
LABELS = "labels.csv"
_COLUMNS = ("case", "patient", "group")
_NO_FOLDER = "in no case's folder"


@dataclass(frozen=True)
class Options:
    """Settings of the layout, given with `--with`.

    Attributes:
        onto: onto whose grid the other modalities of a case are registered rigidly; empty for none.
        limit_mm: a registration whose two directions differ by more has failed.

    Raises:
        UsageError: E001 for another value.
    """

    onto: str = ""
    limit_mm: float = 2.0

    def __post_init__(self) -> None:
        if not self.limit_mm > 0:
            raise UsageError("E001", f"limit_mm={self.limit_mm}", "more than 0", "Correct it.")


def find(folder: Path, options: Options = Options(), reading: Reading = STRICT) -> FolderContents[CaseFiles]:
    """Find the cases of a folder and what else lies there.

    Raises:
        InputError: E100 when the folder does not exist or holds no case, E101 when a table or a
            `case.json` cannot be read, E103 when they say what cannot be, or a modality has two files.
    """
    folder = Path(folder)
    if not folder.is_dir():
        placeholders.refuse(folder)
        raise InputError(
            "E100", f"{folder} is no folder", "a folder with one folder per case", "Check the path."
        )
    table, ignored = _table(folder / TABLE)
    cases = []
    for path in listing.entries(folder):
        if path.name.startswith("README") or path.name in (TABLE, LABELS):
            continue
        if path.is_dir():
            case = _case(path, None if table is None else table.get(path.name), ignored, options, reading)
            cases += [] if case is None else [case]
        else:
            dangling = placeholders.is_dangling(path)
            ignored.append(f"{path.name} ({'a link that leads nowhere' if dangling else _NO_FOLDER})")
    if not cases:
        raise InputError(
            "E100",
            f"{folder} has no folder with images",
            "<case>/<modality>.nii.gz",
            "Lay the images out so, or check the path.",
        )
    if table is not None:
        _check_rows(table, [case.id for case in cases])
    return FolderContents(cases, ignored, labels=_label_names(folder, cases))


def write(cases: Sequence[Case], folder: Path) -> None:
    """Write cases as image files in this layout, for `find` to find.

    Raises:
        UsageError: E005 when the place is not usable.
        ResourceError: E403 when the disk is full or may not be written.
    """
    for case in cases:
        place = Path(folder) / case.id
        place.mkdir(parents=True, exist_ok=True)
        extra = zip(EXTRA, (case.mask, case.segmentation), strict=True)
        for name, volume in [*case.volumes.items(), *extra]:
            if volume is not None:
                io.write(volume, place / f"{name}.nii.gz")
        record = {"patient": case.patient, "group": case.group, "simulated": sorted(case.simulated)}
        files.write_json(place / "case.json", record)


def _label_names(folder: Path, cases: Sequence[CaseFiles]) -> dict[int, str]:
    """Return the names of labels that the table says, else those of the cases' records."""
    if (folder / LABELS).is_file():
        return label_names.read(folder / LABELS)
    return label_names.read_agreed(folder / case.id / "case.json" for case in cases)


def _case(
    folder: Path, row: Mapping[str, str] | None, ignored: list[str], options: Options, reading: Reading
) -> CaseFiles | None:
    images = _images(folder, ignored)
    volumes = {name: path for name, path in images.items() if name not in EXTRA}
    if not volumes:
        ignored.append(f"{folder.name} (no image)")
        return None
    record = _read_record(folder / "case.json")
    row = row or {}
    return CaseFiles(
        id=folder.name,
        patient=row.get("patient") or record["patient"] or folder.name,
        volumes=volumes,
        mask=images.get("mask"),
        segmentation=images.get("segmentation"),
        simulated=frozenset(record["simulated"]) & set(volumes),
        group=row.get("group") or record["group"],
        steps=plan_coregistrations(options.onto, volumes, options.limit_mm),
        reading=reading,
    )


def _images(folder: Path, ignored: list[str]) -> dict[str, Path]:
    images: dict[str, Path] = {}
    unknown = []
    for path in listing.entries(folder):
        name = _stem(path).lower().replace("-", "_")
        is_ours = (name in EXTRA or MODALITY.fullmatch(name)) and io.is_image(path)
        if not (is_ours and (path.is_file() or placeholders.is_dangling(path))):
            unknown.append(path.name)
            continue
        if name in images:
            raise InputError(
                "E103",
                f"{folder.name} has {images[name].name} and {path.name}",
                "one file per modality",
                "Remove one of them.",
            )
        images[name] = path
    headers = tuple(f"{path.stem}." for path in images.values() if path.suffix.lower() == ".mhd")
    for name in unknown:
        is_voxels = name.startswith(headers) and name.lower().endswith((".raw", ".zraw"))
        if not is_voxels and name != "case.json":
            ignored.append(f"{folder.name}/{name} (no image of a modality)")
    return images


def _read_record(path: Path) -> dict[str, Any]:
    """Return patient, group and simulated of a `case.json`; other keys are not ours."""
    data = files.read_json(path) if path.is_file() else {}
    record = {"patient": "", "group": "", "simulated": [], **data}
    checks: dict[str, Callable[[object], bool]] = {
        "patient": _is_text,
        "group": _is_text,
        "simulated": lambda value: isinstance(value, list) and all(map(_is_text, value)),
    }
    for key, fits in checks.items():
        if not fits(record[key]):
            raise InputError(
                "E103",
                f"{path.parent.name}/{path.name} with {key} {record[key]!r}",
                "a list of modalities" if key == "simulated" else "a text",
                "Correct it.",
            )
    return record


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _table(path: Path) -> tuple[dict[str, dict[str, str]] | None, list[str]]:
    """Return the rows by case, None where there is no table, and what is ignored in it."""
    if not (path.is_file() or placeholders.is_dangling(path)):
        return None, []
    columns, rows = tables.read(path)
    if not {"case", "patient"} <= set(columns):
        raise InputError(
            "E103",
            f"{path.name} with the columns {', '.join(columns) or '(none)'}",
            "the columns case, patient and perhaps group",
            "Name them in the first line, divided by commas, semicolons or tabs.",
        )
    table: dict[str, dict[str, str]] = {}
    for row in rows:
        if row["case"] in table:
            raise InputError(
                "E103", f"{path.name}, the row of {row['case']}", "one row per case", "Correct it."
            )
        table[row["case"]] = {key: row[key] for key in _COLUMNS if key in row}
    return table, [f"{path.name}: column {name}" for name in columns if name and name not in _COLUMNS]


def _check_rows(table: Mapping[str, object], cases: Sequence[str]) -> None:
    # A patient who is lost here would be taken for several, and stand on two sides of the split.
    for case in sorted(set(table) ^ set(cases)):
        fault = f"{TABLE} names {case}, which has no folder with images"
        raise InputError(
            "E103",
            fault if case in table else f"{TABLE} has no row for {case}",
            "a folder for every row, and a row for every folder",
            f"Correct {TABLE}.",
        )


def _stem(path: Path) -> str:
    for suffix in io.SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem
