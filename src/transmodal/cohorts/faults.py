"""Arrays and records of a prepared cohort compared with their hashes; an array that is opened is compared first."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts import manifest_index
from transmodal.cohorts.manifest import REPAIR, ArrayEntry, CaseEntry, Manifest, read_case, read_manifest
from transmodal.cohorts.split.leaks import check_leaks
from transmodal.cohorts.split.split import read_sealed_split
from transmodal.cohorts.working_arrays import map_array
from transmodal.errors import IntegrityError, TransmodalError
from transmodal.storage.arrays import kept, npy, verified
from transmodal.storage.faults import Check

WORKING = ("working", "features")
"""Folders of a cohort whose arrays are made from the prepared ones, and made again where they are damaged."""
REMAKE = "It is made again when it is needed next; it can also be removed."


def open_array(folder: Path, case: str, array: ArrayEntry) -> NDArray[Any]:
    """Return a prepared array, mapped and read-only, after its first touch by this process compared its hash.

    Args:
        folder: the cohort's.
        case: its id, for the error.
        array: of it.

    Raises:
        IntegrityError: E501 when it is missing, truncated, of another shape or of another content.
    """
    path = folder / array.file
    voxels = map_array(path, array.shape, np.dtype(array.dtype))
    if voxels is None:
        raise IntegrityError(
            "E501",
            f"case {case}: {array.file} is missing, truncated or of another shape",
            f"{array.shape} of {array.dtype}",
            REPAIR,
        )
    if not verified.is_whole(path, voxels, array.sha256):
        raise IntegrityError(
            "E501",
            f"case {case}: {array.file} has another content than was prepared",
            f"the SHA-256 {array.sha256[:12]}",
            REPAIR,
        )
    return voxels


def list_damaged(folder: Path, entry: CaseEntry) -> list[ArrayEntry]:
    """Return the arrays of a case that are not what was prepared; none is read again that was found whole."""
    return [array for array in entry.arrays() if not _is_whole(folder, entry.id, array)]


def find_difference(own: CaseEntry, recorded: CaseEntry) -> str:
    """Return the first field in which a case's own entry is not that of the manifest, such as `affine`.

    Patients and groups may differ: a manifest has those of its split.
    """
    aligned = own.model_copy(update={"patient": recorded.patient, "group": recorded.group})
    changed = [name for name in CaseEntry.model_fields if getattr(aligned, name) != getattr(recorded, name)]
    return changed[0] if changed else ""


def list_checks(folder: Path) -> list[Check]:
    """Return a check of every file of a cohort that has a hash: records, arrays, and arrays made from them.

    Where `cohort.json` cannot be read, cases are held against their own `case.json`.

    Args:
        folder: the cohort's.
    """
    manifest_path = folder / "cohort.json"
    checks = [Check("cohort.json", partial(read_manifest, manifest_path))]
    try:
        manifest: Manifest | None = read_manifest(manifest_path)
    except TransmodalError:
        manifest = None
    checks.append(Check("split.json", partial(_check_split, folder, manifest)))
    if manifest is not None and (folder / manifest_index.FILE).exists():
        checks.append(Check(manifest_index.FILE, partial(manifest_index.check, folder, manifest)))
    entries = _read_entries(folder) if manifest is None else {entry.id: entry for entry in manifest.cases}
    for case, entry in entries.items():
        owner = f"case {case}"
        checks.append(Check(f"cases/{case}/case.json", partial(_check_record, folder, case, entry), owner))
        for array in entry.arrays() if entry is not None else ():
            checks.append(Check(array.file, partial(open_array, folder, case, array), owner))
    return [*checks, *(Check(_below(folder, path), partial(_check_kept, path)) for path in list_kept(folder))]


def list_kept(folder: Path) -> list[Path]:
    """Return the files below a cohort that were made from prepared arrays and are kept under their hash."""
    paths = [path for name in WORKING for path in (folder / name).rglob("*.npy")]
    return sorted(path for path in paths if kept.digest_in_name(path))


def _is_whole(folder: Path, case: str, array: ArrayEntry) -> bool:
    try:
        open_array(folder, case, array)
    except TransmodalError:
        return False
    return True


def _read_entries(folder: Path) -> dict[str, CaseEntry | None]:
    """Return the cases by their own records; None where one cannot be read."""
    entries: dict[str, CaseEntry | None] = {}
    for place in sorted((folder / "cases").glob("[!.]*/")):
        try:
            entries[place.name] = read_case(place / "case.json")
        except TransmodalError:
            entries[place.name] = None
    return entries


def _check_split(folder: Path, manifest: Manifest | None) -> None:
    split = read_sealed_split(folder / "split.json")
    if manifest is not None:
        check_leaks(manifest, split)


def _check_record(folder: Path, case: str, recorded: CaseEntry | None) -> None:
    own = read_case(folder / "cases" / case / "case.json")
    changed = "" if recorded is None else find_difference(own, recorded)
    if changed:
        raise IntegrityError("E501", f"its {changed} is not that of cohort.json", "one and the same", REPAIR)


def _check_kept(path: Path) -> None:
    try:
        is_whole = verified.is_whole(path, npy.read_npy(path), kept.digest_in_name(path))
    except TransmodalError as error:
        raise IntegrityError("E501", "it is truncated or no array", "a whole array", REMAKE) from error
    if not is_whole:
        raise IntegrityError("E501", "it has another content than was kept", "what its name says", REMAKE)


def _below(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()
