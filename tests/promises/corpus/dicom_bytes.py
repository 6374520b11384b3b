"""DICOM series whose files are damaged, foreign, or say lengths that are not theirs."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from pydicom.dataset import FileDataset

from promises.corpus.dicom_files import LAST, TRUTH, Change, edit, edit_all, series, setting
from promises.corpus.nifti_bytes import WHOLE as NIFTI
from promises.entries import Entry, Faulty, faulty


def entries() -> Iterator[Entry]:
    """Yield the entries."""
    yield from faulty("dicom", "cut", _cuts())
    yield from faulty("dicom", "no DICOM", _foreign())
    yield from faulty("dicom", "lengths and nesting", _lengths())


def _cuts() -> dict[str, Faulty]:
    faults = {}
    for percent in (0, 10, 20, 40, 70, 99):
        change = edit(LAST, lambda content, percent=percent: content[: len(content) * percent // 100])
        faults[f"end slice cut at {percent} %"] = Faulty(series(after=change), "E101 E102", TRUTH)
        bare = _renaming(change)
        faults[f"end slice without ending cut at {percent} %"] = Faulty(
            series(after=bare), "E101 E102", TRUTH
        )
    private = setting(SOPClassUID="1.3.12.2.1107.5.9.1")
    return {
        **faults,
        "end slice cut by a byte": Faulty(
            series(after=edit(LAST, lambda content: content[:-1])), "E101", TRUTH
        ),
        "private class cut before its rows": Faulty(
            series(lambda slice_, index: _privatise(slice_, index, private), edit(LAST, _before_rows)),
            "E101",
            TRUTH,
        ),
        "cut before its rows": Faulty(series(after=edit(LAST, _before_rows)), "E101", TRUTH),
    }


def _privatise(slice_: FileDataset, index: int, change: Change) -> None:
    change(slice_, index)
    slice_.file_meta.MediaStorageSOPClassUID = slice_.SOPClassUID


def _before_rows(content: bytes) -> bytes:
    return content[: content.index(b"\x28\0\x10\0US")]


def _renaming(change: Callable[[Path], None]) -> Callable[[Path], None]:
    """Return a change after which no file has an ending, as archives name them."""

    def rename(folder: Path) -> None:
        change(folder)
        for path in list(folder.iterdir()):
            path.rename(folder / f"IM{path.stem}")

    return rename


def _foreign() -> dict[str, Faulty]:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n"
    files = {
        "a slice without preamble": (lambda content: content[132:], "E102"),
        "a slice of zeros": (lambda content: bytes(len(content)), "E102"),
        "a slice that is a page of the web": (lambda _: b"<html>404 Not Found</html>", "E102"),
        "a slice that is an LFS pointer": (lambda _: pointer, "E138"),
        "a slice that is NIfTI": (lambda _: NIFTI, "E102"),
        "another group behind the preamble": (lambda content: content[:132] + bytes(40), "E101 E102"),
    }
    faults = {
        name: Faulty(series(after=edit(LAST, change)), codes, TRUTH)
        for name, (change, codes) in files.items()
    }
    return {
        **faults,
        "an empty folder": Faulty(_write_empty, "E100"),
        "a folder of text": Faulty(_write_text, "E100"),
        "a volume beside the series": Faulty(series(after=_add_nifti), "E139"),
        "a dangling link": Faulty(series(after=_add_link), "E138"),
    }


def _write_empty(folder: Path) -> Path:
    (folder / "series").mkdir()
    return folder / "series"


def _write_text(folder: Path) -> Path:
    (_write_empty(folder) / "notes.txt").write_text("no image")
    return folder / "series"


def _add_nifti(folder: Path) -> None:
    (folder / "a.nii").write_bytes(NIFTI)


def _add_link(folder: Path) -> None:
    (folder / "000.dcm").symlink_to("nowhere.dcm")


def _lengths() -> dict[str, Faulty]:
    def resized(size: int) -> Callable[[bytes], bytes]:
        def change(content: bytes) -> bytes:
            place = content.rindex(b"\xe0\x7f\x10\0")
            return content[: place + 8] + struct.pack("<I", size) + content[place + 12 :]

        return change

    return {
        "pixels of 4 GB": Faulty(series(after=edit(LAST, resized(0xFFFFFFF0))), "E101", TRUTH),
        "pixels of 2 bytes more": Faulty(series(after=edit(LAST, resized(42))), "E101", TRUTH),
        "pixels of 2 bytes less": Faulty(series(after=edit(LAST, resized(38))), "E101", TRUTH),
        "pixels of no end": Faulty(series(after=edit(LAST, resized(0xFFFFFFFF))), "E101", TRUTH),
        "a rows element of 65534 bytes": Faulty(
            series(after=edit_all(b"\x28\0\x10\0US\2\0", b"\x28\0\x10\0US\xfe\xff")), "E101 E105"
        ),
        "sequences 2000 deep": Faulty(series(after=edit("001.dcm", _nest), n=1), "E101"),
    }


def _nest(content: bytes) -> bytes:
    """Put sequences of one item each into one another, as no library writes them any more."""
    place, depth = content.index(b"\x28\0\x02\0US"), 2000
    start = b"\x20\0\x00\x92SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
    end = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    return content[:place] + start * depth + end * depth + content[place:]
