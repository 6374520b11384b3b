"""CSV tables in every encoding, and tables that are cut, doubled, too wide, or no tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from promises.entries import Entry, Faulty, Write, faulty, put, valid
from transmodal.storage.tables import Table

TEXT = "case,patient,note\nv1,Ren\u00e9,first\nv2,Ren\u00e9,\n"
ROWS = (
    {"case": "v1", "patient": "Ren\u00e9", "note": "first"},
    {"case": "v2", "patient": "Ren\u00e9", "note": ""},
)
TRUTH = Table(("case", "patient", "note"), list(ROWS))


def entries() -> Iterator[Entry]:
    """Yield the entries."""
    yield from faulty("table", "cells and columns", _cells())
    yield from faulty("table", "no table", _foreign())
    yield from valid("table", _valid())


def _cells() -> dict[str, Faulty]:
    long = "x" * 5000
    files = {
        "a cell too many": ("case,note\nv1,a,b\n", "E103"),
        "a cell too many of 5,000 signs": (f"case,note\nv1,a,{long}\n", "E103"),
        "a first cell of 5,000 signs and one too many": (f"case,note\n{long},a,b\n", "E103"),
        "a column twice": ("case,t1,t1\nv1,a,b\n", "E103"),
        "a column of 5,000 signs twice": (f"case,{long},{long}\nv1,a,b\n", "E103"),
        "a cell of 200,000 signs": ("case,note\nv1," + "x" * 200_000 + "\n", "E101 E103"),
        "an open quote": ('case,note\nv1,"a\n', "E101"),
        "an open quote of 200,000 signs": ('case,note\nv1,"' + "x" * 200_000, "E101"),
        "signs behind a quote": ('case,note\nv1,"a"b\n', "E101"),
        "a zero in a cell": ("case,note\nv1,a\0b\n", "E101"),
    }
    return {name: Faulty(put("a.csv", text.encode()), codes) for name, (text, codes) in files.items()}


def _foreign() -> dict[str, Faulty]:
    files = {
        "a workbook": (b"PK\x03\x04" + bytes(60), "E102"),
        "an old workbook": (b"\xd0\xcf\x11\xe0" + bytes(60), "E102"),
        "UTF-16 without a mark": (TEXT.encode("utf-16-le"), "E101"),
        "half a sign of UTF-16": (TEXT.encode("utf-16")[:-1], "E101"),
        "UTF-8's mark and other bytes": (b"\xef\xbb\xbf\xff\xfe\xfd", "E101"),
        "UTF-32": (TEXT.encode("utf-32"), "E101"),
        "an LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n", "E138"),
        "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "E101"),
    }
    faults = {name: Faulty(put("a.csv", content), codes) for name, (content, codes) in files.items()}
    return {
        **faults,
        "a folder": Faulty(_write_folder, "E100"),
        "no file": Faulty(lambda folder: folder / "absent.csv", "E100"),
        "a link in a circle": Faulty(_write_loop, "E100 E138"),
    }


def _write_folder(folder: Path) -> Path:
    (folder / "a.csv").mkdir()
    return folder / "a.csv"


def _write_loop(folder: Path) -> Path:
    (folder / "a.csv").symlink_to("a.csv")
    return folder / "a.csv"


def _valid() -> dict[str, tuple[Write, object]]:
    long = "x" * 5000
    files: dict[str, tuple[Write, object]] = {
        f"in {encoding}": (put("a.csv", TEXT.encode(encoding)), TRUTH)
        for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252")
    }
    for name, divider in (("semicolons", ";"), ("tabs", "\t")):
        files[f"divided by {name}"] = put("a.csv", TEXT.replace(",", divider).encode()), TRUTH
    return {
        **files,
        "a cell of 5,000 signs": (
            put("a.csv", f"case\n{long}\n".encode()), Table(("case",), [{"case": long}])),
        "nothing": (put("a.csv", b""), Table((), ())),
        "a heading alone": (put("a.csv", b"case,note\n"), Table(("case", "note"), [])),
        "quotes and empty rows": (
            put("a.csv", b'case,note\n\n,,\nv1,"a, ""b""\nc"\n'),
            Table(("case", "note"), [{"case": "v1", "note": 'a, "b"\nc'}])),
        "lines of Windows": (put("a.csv", TEXT.replace("\n", "\r\n").encode()), TRUTH),
    }  # fmt: skip
