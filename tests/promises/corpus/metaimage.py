"""MetaImage files (.mha, .mhd): headers that make no sense, voxels that are cut, or are elsewhere, or are none."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from promises.corpus.metaimage_files import AFFINE, COMPRESSED, DATA, DEFLATED, TRUTH, header, mha, pair
from promises.corpus.nifti_files import VOXELS
from promises.entries import Entry, Faulty, Image, faulty, put


def entries() -> Iterator[Entry]:
    """Yield the entries."""
    yield from faulty("metaimage", "cut", _cuts())
    yield from faulty("metaimage", "bytes behind the end", _trailing())
    yield from faulty("metaimage", "compressed voxels", _streams())
    yield from faulty("metaimage", "dimensions", _fields(_DIMS))
    yield from faulty("metaimage", "voxel type", _fields(_TYPES))
    yield from faulty("metaimage", "place in space", _fields(_PLACES))
    yield from faulty("metaimage", "header", _headers())
    yield from faulty("metaimage", "voxels not finite", _holes())
    yield from faulty("metaimage", "voxels elsewhere", _elsewhere())


def _cuts() -> dict[str, Faulty]:
    start = header()
    whole = start + DATA
    packed = header(COMPRESSED) + DEFLATED
    faults = {}
    for percent in (0, 5, 30, 60, 90, 99):
        faults[f"cut at {percent} %.mha"] = Faulty(
            put("a.mha", whole[: len(whole) * percent // 100]), "E101 E102", TRUTH
        )
        cut = packed[: len(packed) * percent // 100]
        faults[f"compressed, cut at {percent} %.mha"] = Faulty(put("a.mha", cut), "E101 E102", TRUTH)
    return {
        **faults,
        "cut by a byte.mha": Faulty(put("a.mha", whole[:-1]), "E101", TRUTH),
        "no voxels.mha": Faulty(put("a.mha", start), "E101", TRUTH),
        "half of its voxels.mhd": Faulty(pair(data=DATA[: len(DATA) // 2]), "E101", TRUTH),
        "no byte of voxels.mhd": Faulty(pair(data=b""), "E101", TRUTH),
    }


def _trailing() -> dict[str, Faulty]:
    return {
        "zeros behind.mha": Faulty(mha(data=DATA + bytes(64)), "E101", TRUTH),
        "text behind.mhd": Faulty(pair(data=DATA + b"end"), "E101", TRUTH),
        "bytes behind the stream.mha": Faulty(mha(COMPRESSED, DEFLATED + b"more"), "E101", TRUTH),
    }


def _streams() -> dict[str, Faulty]:
    flipped = bytearray(DEFLATED)
    flipped[len(flipped) // 2] ^= 8
    size = str(len(DEFLATED))
    more = zlib.compress(DATA + bytes(64))
    less = zlib.compress(DATA[:-2])
    sized = {"CompressedData": "True"}
    return {
        "a flip in the stream.mha": Faulty(mha(COMPRESSED, bytes(flipped)), "E101", TRUTH),
        "a wrong checksum.mha": Faulty(mha(COMPRESSED, DEFLATED[:-4] + bytes(4)), "E101", TRUTH),
        "a stream of more voxels.mha": Faulty(mha({**sized, "CompressedDataSize": str(len(more))}, more), "E101"),
        "a stream of fewer voxels.mha": Faulty(mha({**sized, "CompressedDataSize": str(len(less))}, less), "E101"),
        "a size of another stream.mha": Faulty(mha({**COMPRESSED, "CompressedDataSize": "7"}, DEFLATED), "E101", TRUTH),
        "plain voxels called compressed.mha": Faulty(mha(COMPRESSED, DATA), "E101", TRUTH),
        "compressed voxels called plain.mha": Faulty(mha({"CompressedDataSize": size}, DEFLATED), "E101", TRUTH),
        "compressed voxels last.mhd": Faulty(pair({"HeaderSize": "-1", **sized}, DEFLATED), "E102", TRUTH),
    }  # fmt: skip


Table = Mapping[str, tuple[Mapping[str, str | None], str]]

_DIMS: Table = {
    "two dimensions": ({"NDims": "2", "DimSize": "5 6"}, "E121"),
    "four dimensions": ({"NDims": "4", "DimSize": "5 6 7 1"}, "E121"),
    "no number of dimensions": ({"NDims": None}, "E121"),
    "a side of 0": ({"DimSize": "5 0 7"}, "E124"),
    "a negative side": ({"DimSize": "5 -6 7"}, "E124"),
    "half a side": ({"DimSize": "5 6 6.5"}, "E103"),
    "two sides": ({"DimSize": "5 6"}, "E103"),
    "four sides": ({"DimSize": "5 6 7 1"}, "E103"),
    "sides of words": ({"DimSize": "five 6 7"}, "E103"),
    "no sides": ({"DimSize": None}, "E103"),
    "a side too long": ({"DimSize": "5 6 8"}, "E101"),
    "a side too short": ({"DimSize": "5 6 6"}, "E101"),
    "declares 54 TB": ({"DimSize": "30000 30000 30000"}, "E401"),
    "sides of 1e300": ({"DimSize": "1e300 1 1"}, "E103"),
}
_TYPES: Table = {
    "an unknown type": ({"ElementType": "MET_OTHER"}, "E123"),
    "no type": ({"ElementType": None}, "E123"),
    "floats of 2 bytes": ({"ElementType": "MET_FLOAT"}, "E101"),
    "two channels": ({"ElementNumberOfChannels": "2"}, "E123"),
    "three channels of int16": ({"ElementNumberOfChannels": "3"}, "E123"),
    "no channel": ({"ElementNumberOfChannels": "0"}, "E123"),
    "voxels as text": ({"BinaryData": "False"}, "E102"),
    "a byte order of words": ({"BinaryDataByteOrderMSB": "perhaps"}, "E103"),
    "two byte orders": ({"ElementByteOrderMSB": "True"}, "E103"),
    "a slope": ({"ElementToIntensityFunctionSlope": "2"}, "E102"),
    "an offset of intensities": ({"ElementToIntensityFunctionOffset": "-1024"}, "E102"),
}
_PLACES: Table = {
    "directions of length 2": ({"TransformMatrix": "2 0 0 0 2 0 0 0 2"}, "E103"),
    "a direction of length 0": ({"TransformMatrix": "0 0 0 0 1 0 0 0 1"}, "E103"),
    "directions of infinity": ({"TransformMatrix": "1e999 0 0 0 1 0 0 0 1"}, "E103"),
    "directions of no number": ({"TransformMatrix": "nan 0 0 0 1 0 0 0 1"}, "E103"),
    "eight numbers of directions": ({"TransformMatrix": "1 0 0 0 1 0 0 0"}, "E103"),
    "two directions alike": ({"TransformMatrix": "1 0 0 1 0 0 0 0 1"}, "E112"),
    "no directions": ({"TransformMatrix": None}, "E111"),
    "no place": ({"Offset": None}, "E111"),
    "no spacing": ({"ElementSpacing": None}, "E111"),
    "spacing of 0": ({"ElementSpacing": "1 0 2"}, "E103"),
    "negative spacing": ({"ElementSpacing": "1 1.5 -2"}, "E103"),
    "spacing of no number": ({"ElementSpacing": "1 nan 2"}, "E103"),
    "spacing of 1e300": ({"ElementSpacing": "1 1e300 2"}, "E112"),
    "place of 1e300": ({"Offset": "1 2 1e300"}, "E112"),
    "a centre of two numbers": ({"CenterOfRotation": "0 0"}, "E103"),
    "place of infinity": ({"Offset": "1 2 inf"}, "E103"),
}  # fmt: skip


def _fields(table: Table) -> dict[str, Faulty]:
    """Return the faults of a table, in one file and in two in turn."""
    faults = {}
    for number, (name, (changes, codes)) in enumerate(table.items()):
        suffix, write = ((".mha", mha(changes)), (".mhd", pair(changes)))[number % 2]
        faults[f"{name}{suffix}"] = Faulty(write, codes)
    return faults


def _headers() -> dict[str, Faulty]:
    start = header()
    return {
        "empty.mha": Faulty(put("a.mha", b""), "E101"),
        "a page of the web.mhd": Faulty(put("a.mhd", b"<html>\n404\n</html>\n"), "E102"),
        "NIfTI under .mha": Faulty(put("a.mha", b"\x5c\x01\0\0" + bytes(600)), "E101 E102"),
        "gzip under .mha": Faulty(put("a.mha", b"\x1f\x8b\x08" + bytes(60)), "E101 E102"),
        "a key twice.mha": Faulty(put("a.mha", b"NDims = 3\n" + start + DATA), "E102", TRUTH),
        "a line without a sign.mha": Faulty(put("a.mha", b"comment\n" + start + DATA), "E102", TRUTH),
        "no last line.mha": Faulty(put("a.mha", header({"ElementDataFile": None}) + DATA), "E101 E102"),
        "a header without an end.mhd": Faulty(put("a.mhd", b"Comment = " + b"x" * 70_000), "E101"),
        "zeros in a key.mha": Faulty(put("a.mha", b"ND\0ims = 3\n" + start + DATA), "E102"),
        "bytes before the voxels.mha": Faulty(mha({"HeaderSize": "16"}, bytes(16) + DATA), "E102", TRUTH),
    }


def _holes() -> dict[str, Faulty]:
    faults = {}
    for number, (name, kind) in enumerate((("NaN", "f4"), ("Inf", "f8"), ("-Inf", "f4"))):
        voxels = VOXELS.astype(kind)
        voxels[1, 2, 3] = float(name)
        changes = {"ElementType": {"f4": "MET_FLOAT", "f8": "MET_DOUBLE"}[kind]}
        write = (mha, pair)[number % 2](changes, voxels.tobytes(order="F"))
        faults[f"one voxel {name}{('.mha', '.mhd')[number % 2]}"] = Faulty(
            write, "E120", Image(voxels, AFFINE)
        )
    return faults


def _elsewhere() -> dict[str, Faulty]:
    names = {
        "above": "../a.raw",
        "below": "sub/a.raw",
        "anywhere": "/etc/hostname",
        "in a list": "LIST",
        "in a pattern": "a%03d.raw",
        "at a share": "\\\\server\\a.raw",
        "above it": "..",
    }
    faults = {
        f"voxels {name}.mhd": Faulty(pair({"ElementDataFile": place}), "E103", None)
        for name, place in names.items()
    }
    return {
        **faults,
        "no file of voxels.mhd": Faulty(pair(data=None), "E100"),
        "an LFS pointer for voxels.mhd": Faulty(
            pair(data=b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n"), "E138"
        ),
        "voxels behind a link.mhd": Faulty(_write_link, "E103", TRUTH),
        "a dangling link for voxels.mhd": Faulty(_write_dangling, "E138"),
        "its own header as voxels.mhd": Faulty(pair({"ElementDataFile": "a.mhd"}, data=None), "E103"),
        "a header as the last voxels.mhd": Faulty(
            pair({"ElementDataFile": "a.mhd", "HeaderSize": "-1"}, data=None), "E103"
        ),
        "a folder for voxels.mhd": Faulty(_write_folder, "E100"),
    }


def _write_link(folder: Path) -> Path:
    (folder / "study").mkdir()
    (folder / "secret").write_bytes(DATA)
    (folder / "study" / "a.raw").symlink_to(folder / "secret")
    (folder / "study" / "a.mhd").write_bytes(header({"ElementDataFile": "a.raw"}))
    return folder / "study" / "a.mhd"


def _write_dangling(folder: Path) -> Path:
    (folder / "a.raw").symlink_to("nowhere.raw")
    return pair(data=None)(folder)


def _write_folder(folder: Path) -> Path:
    (folder / "a.raw").mkdir()
    return pair(data=None)(folder)
