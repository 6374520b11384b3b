"""NIfTI files whose bytes are damaged: cut, flipped, with a wrong checksum, or of another format than their name."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from promises.corpus.nifti_files import TRUTH, build, pack
from promises.entries import Entry, Faulty, faulty, put

WHOLE = build()
PACKED = pack(WHOLE)


def entries() -> Iterator[Entry]:
    """Yield the entries."""
    yield from faulty("nifti", "cut", _cuts())
    yield from faulty("nifti", "flip in gzip", _flips())
    yield from faulty("nifti", "gzip checksum or trailer", _trailers())
    yield from faulty("nifti", "bytes behind the end", _trailing())
    yield from faulty("nifti", "other content than the name says", _lies())


def _cuts() -> dict[str, Faulty]:
    faults = {}
    for suffix, content in ((".nii", WHOLE), (".nii.gz", PACKED)):
        for percent in (0, 2, 10, 25, 50, 75, 90, 99):
            cut = content[: len(content) * percent // 100]
            faults[f"cut at {percent} %{suffix}"] = Faulty(put(f"a{suffix}", cut), "E101 E102", TRUTH)
        faults[f"cut by a byte{suffix}"] = Faulty(put(f"a{suffix}", content[:-1]), "E101", TRUTH)
    faults["cut behind the header.nii"] = Faulty(put("a.nii", WHOLE[:352]), "E101", TRUTH)
    return faults


def _flips() -> dict[str, Faulty]:
    faults = {}
    for part in range(12):
        place = 12 + (len(PACKED) - 22) * part // 11
        changed = bytearray(PACKED)
        changed[place] ^= 1 << part % 8
        faults[f"flip in byte {place}.nii.gz"] = Faulty(
            put("a.nii.gz", bytes(changed)), "E101 E102 E103 E110 E121 E123", TRUTH
        )
    return faults


def _trailers() -> dict[str, Faulty]:
    crc, size = struct.unpack("<II", PACKED[-8:])
    stored = zlib.compressobj(0, zlib.DEFLATED, 31)
    plain = bytearray(stored.compress(WHOLE) + stored.flush())
    plain[len(plain) // 2] ^= 4
    files = {
        "wrong CRC": PACKED[:-8] + struct.pack("<II", crc ^ 1, size),
        "wrong length": PACKED[:-8] + struct.pack("<II", crc, size + 1),
        "no trailer": PACKED[:-8],
        "half a trailer": PACKED[:-4],
        "zeros for a trailer": PACKED[:-8] + bytes(8),
        "flip in a stored block": bytes(plain),
        "reserved flags": PACKED[:3] + b"\xe0" + PACKED[4:],
        "another method than deflate": PACKED[:2] + b"\x07" + PACKED[3:],
    }
    return {
        f"{name}.nii.gz": Faulty(put("a.nii.gz", content), "E101", TRUTH) for name, content in files.items()
    }


def _trailing() -> dict[str, Faulty]:
    files = {
        "zeros behind.nii": WHOLE + bytes(64),
        "text behind.nii": WHOLE + b"<!-- end -->",
        "a byte behind.nii": WHOLE + b"\0",
        "the file twice.nii": WHOLE * 2,
        "zeros behind.nii.gz": PACKED + bytes(64),
        "text behind.nii.gz": PACKED + b"<!-- end -->",
        "a second member.nii.gz": PACKED + gzip.compress(b"more", mtime=0),
        "half a second member.nii.gz": PACKED + gzip.compress(b"more", mtime=0)[:12],
    }
    return {
        name: Faulty(put(f"a.{name.partition('.')[2]}", content), "E101", TRUTH)
        for name, content in files.items()
    }


def _lies() -> dict[str, Faulty]:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n"
    files = {
        "plain under .nii.gz": ("a.nii.gz", WHOLE, "E102", TRUTH),
        "gzipped under .nii": ("a.nii", PACKED, "E102", TRUTH),
        "plain under .NII.GZ": ("A.NII.GZ", WHOLE, "E102", TRUTH),
        "gzipped twice": ("a.nii.gz", pack(PACKED), "E102", TRUTH),
        "a page of the web.nii.gz": ("a.nii.gz", b"<html>404 Not Found</html>", "E102", None),
        "a page of the web.nii": ("a.nii", b"<html>404 Not Found</html>" * 40, "E102", None),
        "zeros.nii": ("a.nii", bytes(4096), "E102", None),
        "zeros.nii.gz": ("a.nii.gz", pack(bytes(4096)), "E102", None),
        "an LFS pointer.nii.gz": ("a.nii.gz", pointer, "E138", None),
        "an annex pointer.nii": ("a.nii", b"/annex/objects/MD5E-s1--00.nii\n", "E138", None),
        "MetaImage under .nii": ("a.nii", b"ObjectType = Image\nNDims = 3\n" * 20, "E102", None),
    }
    faults = {
        name: Faulty(put(file_name, content), codes, truth)
        for name, (file_name, content, codes, truth) in files.items()
    }
    return {
        **faults,
        "a folder called .nii": Faulty(_write_folder, "E100"),
        "a dangling link.nii.gz": Faulty(_write_link, "E138"),
        "a header without its .img": Faulty(put("a.hdr", WHOLE[:344] + b"ni1\0"), "E102"),
        "an Analyze pair": Faulty(_write_pair, "E102", TRUTH),
    }


def _write_folder(folder: Path) -> Path:
    (folder / "a.nii").mkdir()
    return folder / "a.nii"


def _write_link(folder: Path) -> Path:
    (folder / "a.nii.gz").symlink_to("elsewhere.nii.gz")
    return folder / "a.nii.gz"


def _write_pair(folder: Path) -> Path:
    """Write a pair that others read; here one is told to convert it."""
    (folder / "a.hdr").write_bytes(WHOLE[:108] + bytes(4) + WHOLE[112:344] + b"ni1\0")
    (folder / "a.img").write_bytes(WHOLE[352:])
    return folder / "a.hdr"
