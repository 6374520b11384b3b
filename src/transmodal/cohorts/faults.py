"""Arrays and records of a prepared cohort compared with their hashes; an array that is opened is compared first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.manifest import REPAIR, ArrayEntry, CaseEntry, read_case
from transmodal.cohorts.working_arrays import map_array
from transmodal.errors import IntegrityError, TransmodalError
from transmodal.storage import kept, verified
from transmodal.storage.faults import Fault
from transmodal.storage.npy import read_npy

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


def find_case_faults(folder: Path, entry: CaseEntry) -> list[Fault]:
    """Return the faults of a case's arrays; arrays that this process has found whole are not read again."""
    return [fault for array in entry.arrays() if (fault := find_array_fault(folder, entry.id, array))]


def find_array_fault(folder: Path, case: str, array: ArrayEntry) -> Fault | None:
    """Return what is wrong with a prepared array; None where it is whole."""
    try:
        open_array(folder, case, array)
    except TransmodalError as error:
        return Fault(array.file, error.got.replace(f"{array.file} ", "", 1), error.remedy)
    return None


def find_record_fault(folder: Path, entry: CaseEntry) -> Fault | None:
    """Return what is wrong with the `case.json` of a case; None where it says what the manifest says."""
    file = f"cases/{entry.id}/case.json"
    try:
        own = read_case(folder / file)
    except TransmodalError as error:
        return Fault(file, f"case {entry.id}: {error.got}", error.remedy)
    changed = find_difference(own, entry)
    return (
        Fault(file, f"case {entry.id}: its {changed} is not that of cohort.json", REPAIR) if changed else None
    )


def find_difference(own: CaseEntry, recorded: CaseEntry) -> str:
    """Return the first field in which a case's own entry is not that of the manifest, such as `affine`.

    Patients and groups may differ: a manifest has those of its split.
    """
    aligned = own.model_copy(update={"patient": recorded.patient, "group": recorded.group})
    changed = [name for name in CaseEntry.model_fields if getattr(aligned, name) != getattr(recorded, name)]
    return changed[0] if changed else ""


def list_kept(folder: Path) -> list[Path]:
    """Return the files below a cohort that were made from prepared arrays and are kept under their hash."""
    paths = [path for name in WORKING for path in (folder / name).rglob("*.npy")]
    return sorted(path for path in paths if kept.digest_in_name(path))


def find_kept_fault(folder: Path, path: Path) -> Fault | None:
    """Return what is wrong with an array that was made from prepared ones; None where it is whole."""
    file = path.relative_to(folder).as_posix()
    try:
        is_whole = verified.is_whole(path, read_npy(path), kept.digest_in_name(path))
    except TransmodalError:
        return Fault(file, "it is truncated or no array", REMAKE)
    return None if is_whole else Fault(file, "it has another content than was kept", REMAKE)


def find_faults(folder: Path, entries: tuple[CaseEntry, ...]) -> Iterator[tuple[str, list[Fault]]]:
    """Yield every case, and at last the arrays that were made from them, with their faults.

    Args:
        folder: the cohort's.
        entries: of its manifest.
    """
    for entry in entries:
        record = find_record_fault(folder, entry)
        yield entry.id, [*find_case_faults(folder, entry), *([record] if record else [])]
    for path in list_kept(folder):
        fault = find_kept_fault(folder, path)
        yield path.name, [fault] if fault else []
