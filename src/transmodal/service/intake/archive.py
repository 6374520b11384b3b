"""Zip archives of DICOM series, unpacked in a job's own process: files get our names, and bytes are counted."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

from transmodal.errors import InputError, ResourceError
from transmodal.storage import memory, regular

MOST_FILES = 10_000
LARGEST_RATIO = 100
"""How many times its stored size an entry may hold: images do not come near that."""

_SMALL = 1 << 20
_CHUNK = 1 << 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


def unpack(path: Path, folder: Path, budget: int | None = None) -> Path:
    """Write the files of an archive into a new folder, flat and numbered; no name of theirs is used.

    Args:
        path: of the archive.
        folder: to make.
        budget: most bytes of all files together; None takes that of one image.

    Raises:
        InputError: E101 for a damaged archive, E102 for one that is encrypted, or compressed in a way of its own.
        ResourceError: E401 for more files or bytes than are taken.
    """
    room = memory.budget() if budget is None else budget
    folder.mkdir(mode=0o700)
    try:
        with regular.open_file(path) as file, zipfile.ZipFile(file) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _check(entries)
            for number, entry in enumerate(entries, start=1):
                room -= _extract(archive, entry, folder / f"{number:05d}.dcm", room)
    except _FAULTS as error:
        raise InputError(
            "E101",
            f"the archive is damaged ({type(error).__name__})",
            "a whole zip archive of a DICOM series",
            "Make it again.",
        ) from error
    return folder


def _check(entries: list[zipfile.ZipInfo]) -> None:
    if not 0 < len(entries) <= MOST_FILES:
        raise ResourceError(
            "E401",
            f"an archive of {len(entries)} files",
            f"1 to {MOST_FILES} files",
            "Pack one DICOM series alone.",
        )
    for entry in entries:
        if entry.flag_bits & 1 or entry.compress_type not in _METHODS:
            raise InputError(
                "E102",
                "an archive that is encrypted, or compressed in a way of its own",
                "stored or deflated entries",
                "Pack it again: zip -r series.zip FOLDER",
            )


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, room: int) -> int:
    """Write one entry; return its size."""
    most = min(room, max(_SMALL, LARGEST_RATIO * entry.compress_size))
    n_bytes = 0
    with archive.open(entry) as source, path.open("xb") as target:
        while chunk := source.read(_CHUNK):
            n_bytes += len(chunk)
            if n_bytes > most:
                raise ResourceError(
                    "E401",
                    "an archive that holds more than it may",
                    f"at most {LARGEST_RATIO} times its own size, and no more than the budget of one image",
                    f"Pack one DICOM series alone, or {memory.advise_budget(2 * memory.budget())}.",
                )
            target.write(chunk)
    return n_bytes
