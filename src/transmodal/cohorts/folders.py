"""The plain layout: one folder per case, one image file per modality.

    subjects/
      anna-1/  t1.nii.gz  fa.nii.gz  mask.nii.gz  segmentation.nii.gz
      anna-2/  t1.nii.gz  fa.nii.gz  case.json
      cases.csv                      # optional: case,patient,group

`case.json` may say `patient`, `group` and `simulated` (a list of modalities); `cases.csv` outranks it.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

from transmodal.cohorts.case import CaseFiles
from transmodal.errors import InputError
from transmodal.volumes import files, io

_EXTRA = ("mask", "segmentation")


def find(folder: Path) -> list[CaseFiles]:
    """Find the cases of a folder, sorted by name.

    Raises:
        InputError: E100 when the folder does not exist or holds no case, E103 when `cases.csv` has other
            columns, a case is named in it that is not there, or a modality has two files.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            "E100", f"{folder} is no folder", "a folder with one folder per case", "Check the path."
        )
    table = _table(folder / "cases.csv")
    found = [
        _case(case, table.pop(case.name, {}))
        for case in sorted(folder.iterdir())
        if case.is_dir()
        and not case.name.startswith(".")
        and any(io.is_image(file) for file in case.iterdir())
    ]
    if not found:
        raise InputError(
            "E100",
            f"{folder} has no folder with images",
            "<case>/<modality>.nii.gz",
            "Lay the images out so, or check the path.",
        )
    if table:
        raise InputError(
            "E103",
            f"cases.csv names {min(table)}, which has no folder",
            "a folder per row",
            "Correct cases.csv.",
        )
    return found


def _case(folder: Path, row: dict[str, str]) -> CaseFiles:
    images: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if not file.is_file() or not io.is_image(file) or file.name.startswith("."):
            continue
        name = _stem(file).lower()
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise InputError(
                "E103",
                f"{folder.name}/{file.name}",
                "a file named by its modality, such as t1.nii.gz",
                "Rename or move the file.",
            )
        if name in images:
            raise InputError(
                "E103",
                f"{folder.name} has two files of {name}",
                "one file per modality",
                "Remove one of them.",
            )
        images[name] = file
    known = _known(folder / "case.json")
    return CaseFiles(
        id=folder.name,
        patient=row.get("patient") or str(known.get("patient") or folder.name),
        volumes={name: path for name, path in images.items() if name not in _EXTRA},
        mask=images.get("mask"),
        segmentation=images.get("segmentation"),
        simulated=frozenset(str(name) for name in known.get("simulated", ())),
        group=row.get("group") or str(known.get("group") or ""),
    )


def _known(path: Path) -> dict[str, Any]:
    return files.read_json(path) if path.is_file() else {}


def _table(path: Path) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError("E101", f"{path.name}: {error}", "a CSV file in UTF-8", "Save it again.") from error
    if not rows or not {"case", "patient"} <= set(rows[0]) <= {"case", "patient", "group"}:
        columns = ", ".join(str(name) for name in rows[0]) if rows else "no rows"
        raise InputError(
            "E103",
            f"{path.name} with {columns}",
            "the columns case, patient and perhaps group",
            "Correct it.",
        )
    return {row["case"]: {key: value or "" for key, value in row.items()} for row in rows}


def _stem(path: Path) -> str:
    for suffix in io.SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem
