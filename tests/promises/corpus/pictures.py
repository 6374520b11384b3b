"""Pictures of stacks (PNG, TIFF, BMP): rows that are missing, names that lie, directories in circles, palettes."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image as Pictures

from promises.corpus.picture_files import (
    BITS,
    COLUMNS,
    PACKINGS,
    PHOTOMETRIC,
    PIXELS,
    PNG_MAGIC,
    ROWS,
    STRIP_SIZES,
    STRIPS,
    bmp,
    chunk,
    png,
    save,
    tiff,
    truth,
)
from promises.entries import Entry, Faulty, Write, faulty, put, valid

TRUTH = truth()
GREY = Pictures.fromarray(PIXELS)


def entries() -> Iterator[Entry]:
    """Yield the entries."""
    yield from faulty("picture", "cut", _cuts())
    yield from faulty("picture", "flip in PNG", _flips())
    yield from faulty("picture", "rows missing or hidden", _rows())
    yield from faulty("picture", "other content than the name says", _lies())
    yield from faulty("picture", "directories", _directories())
    yield from faulty("picture", "kind of pixels", _kinds())
    yield from faulty("picture", "header", _headers())
    yield from valid("picture", _valid())


def _cuts() -> dict[str, Faulty]:
    wholes = {"png": png(), "tif": save(PIXELS, "TIFF"), "bmp": bmp()}
    return {
        f"cut at {percent} %.{ending}": Faulty(
            put(f"a.{ending}", content[: len(content) * percent // 100]), "E101 E102", TRUTH
        )
        for ending, content in wholes.items()
        for percent in (0, 5, 30, 60, 99)
    }


def _flips() -> dict[str, Faulty]:
    whole = png()
    faults = {}
    for part in range(8):
        place = 9 + (len(whole) - 12) * part // 8
        changed = whole[:place] + bytes([whole[place] ^ 1 << part]) + whole[place + 1 :]
        faults[f"flip in byte {place}.png"] = Faulty(put("a.png", changed), "E101 E102 E401", TRUTH)
    return faults


def _rows() -> dict[str, Faulty]:
    files = {
        "half of the rows.png": png(held=10),
        "all rows but one.png": png(held=19),
        "no row.png": png(held=0),
        "half of the rows hidden.png": png(10),
        "one row hidden.png": png(19),
        "half of the rows hidden.bmp": bmp({22: 10}),
        "one row hidden.bmp": bmp({22: 19}),
        "rows missing.bmp": bmp({22: 40}),
        "columns hidden.bmp": bmp({18: 10}),
        "half of the pixels.bmp": bmp(held=bytes(600)),
    }
    for packing in PACKINGS:
        for rows in (10, 19, 21, 40):
            files[f"{rows} rows of 20, {packing or 'plain'}.tif"] = tiff({ROWS: rows}, packing)
    return {name: Faulty(put(f"a{name[-4:]}", content), "E101") for name, content in files.items()}


def _lies() -> dict[str, Faulty]:
    wholes = {
        "PNG": png(),
        "TIFF": save(PIXELS, "TIFF"),
        "BMP": bmp(),
        "JPEG": save(PIXELS, "JPEG"),
        "GIF": save(PIXELS, "GIF"),
        "WebP": save(GREY.convert("RGB"), "WEBP", lossless=True),
        "a page of the web": b"<html>404 Not Found</html>",
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    }
    endings = {"PNG": "png", "TIFF": "tif", "BMP": "bmp"}
    faults = {
        f"{kind} under .{ending}": Faulty(put(f"a.{ending}", content), "E101 E102")
        for kind, content in wholes.items()
        for ending in ("png", "tif", "bmp")
        if endings.get(kind) != ending
    }
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n"
    return {**faults, "an LFS pointer.png": Faulty(put("a.png", pointer), "E138")}


def _directories() -> dict[str, Faulty]:
    looped = {
        f"a directory that leads to itself, {packing or 'plain'}.tif": tiff(packing=packing, following=-1)
        for packing in PACKINGS
    }
    files = {
        **looped,
        "a next directory behind the end.tif": tiff(following=1 << 30),
        "a next directory in the header.tif": tiff(following=2),
        "a strip behind the end.tif": tiff({STRIPS: 1 << 20}),
        "a strip of no bytes.tif": tiff({STRIP_SIZES: 0}),
        "a strip of too many bytes.tif": tiff({STRIP_SIZES: 60000}),
        "no directory.tif": b"II*\0\0\0\0\0" + bytes(80),
        "a directory behind the end.tif": b"II*\0\xff\xff\0\0" + bytes(80),
    }  # fmt: skip
    faults = {name: Faulty(put("a.tif", content), "E101 E102 E103 E121") for name, content in files.items()}
    frames = save(GREY, "TIFF", save_all=True, append_images=[GREY])
    return {**faults, "two frames.tif": Faulty(put("a.tif", frames), "E121")}


def _kinds() -> dict[str, Faulty]:
    veil = np.full((20, 20, 4), 9, np.uint8)
    palette = GREY.convert("RGB").quantize(16)
    files = {
        "a palette.png": save(palette, "PNG"),
        "a palette.tif": save(palette, "TIFF"),
        "a palette.bmp": save(palette, "BMP"),
        "see-through colour.png": save(veil, "PNG"),
        "see-through colour.tif": save(veil, "TIFF"),
        "see-through grey.png": save(GREY.convert("LA"), "PNG"),
        "one bit.png": save(GREY.convert("1"), "PNG"),
        "one bit.tif": save(GREY.convert("1"), "TIFF"),
        "one bit.bmp": save(GREY.convert("1"), "BMP"),
        "inks.tif": save(GREY.convert("CMYK"), "TIFF"),
        "Lab.tif": save(Pictures.new("LAB", (20, 20)), "TIFF"),
        "whole numbers of 32 bits.tif": save(PIXELS.astype(np.int32), "TIFF"),
    }
    faults = {name: Faulty(put(f"a{name[-4:]}", content), "E123") for name, content in files.items()}
    holes = PIXELS.astype(np.float32)
    holes[3, 4] = np.nan
    turned = Pictures.Exif()
    turned[0x0112] = 6
    return {
        **faults,
        "one pixel NaN.tif": Faulty(put("a.tif", save(holes, "TIFF")), "E120", truth(holes)),
        "turned by a tag.png": Faulty(put("a.png", save(PIXELS, "PNG", exif=turned)), "E103"),
        "turned by a tag.tif": Faulty(put("a.tif", save(PIXELS, "TIFF", exif=turned)), "E103"),
    }


def _headers() -> dict[str, Faulty]:
    ihdr = struct.pack(">IIBBBBB", 20, 20, 8, 0, 0, 0, 0)
    idat, end = png()[33:-12], chunk(b"IEND", b"")
    files = {
        "no column.png": (png(columns=0), "E101 E124"),
        "no row declared.png": (png(rows=0), "E101 E124"),
        "an unknown depth.png": (png(depth=5), "E101 E123"),
        "an unknown colour.png": (png(colour=5), "E101"),
        "declares 1 TB.png": (png(1 << 20, columns=1 << 20), "E401"),
        "declares 2^62 pixels.png": (png((1 << 31) - 1, columns=(1 << 31) - 1), "E401"),
        "no pixels.png": (PNG_MAGIC + chunk(b"IHDR", ihdr) + end, "E101"),
        "pixels before the header.png": (PNG_MAGIC + idat + chunk(b"IHDR", ihdr) + end, "E101"),
        "no end.png": (png()[:-12], "E101"),
        "a chunk of 4 GB.png": (PNG_MAGIC + chunk(b"IHDR", ihdr) + b"\xff\xff\xff\xf0IDAT" + bytes(90), "E101"),
        "no column.tif": (tiff({COLUMNS: 0}), "E101 E102 E103 E124"),
        "no row.tif": (tiff({ROWS: 0}), "E101 E102 E103 E124"),
        "12 bits.tif": (tiff({BITS: 12}), "E101 E102 E123"),
        "an unknown colour.tif": (tiff({PHOTOMETRIC: 77}), "E101 E102 E123"),
        "declares 4 TB.bmp": (bmp({18: 1 << 20, 22: 1 << 20}), "E401 E101"),
        "no column.bmp": (bmp({18: 0}), "E101 E102 E124"),
        "a header of no known size.bmp": (bmp({14: 77}), "E101 E102"),
        "pixels in the header.bmp": (bmp({10: 20}), "E101"),
        "an unknown compression.bmp": (bmp({30: 99}), "E101 E102 E123"),
        "runs called plain.bmp": (bmp({30: 1}), "E101 E102 E123"),
    }  # fmt: skip
    return {name: Faulty(put(f"a{name[-4:]}", content), codes) for name, (content, codes) in files.items()}


def _valid() -> dict[str, tuple[Write, object]]:
    wide, floats = PIXELS.astype(np.uint16) * 250, PIXELS.astype(np.float32) / 7
    colour = np.stack([PIXELS, PIXELS[::-1], PIXELS.T], axis=-1)
    opaque = np.concatenate([colour, np.full((20, 20, 1), 255, np.uint8)], axis=-1)
    upside = np.stack([PIXELS] * 3, axis=-1).tobytes()
    grey = truth(np.stack([PIXELS] * 3, axis=-1))
    files = {
        "grey.png": (png(), TRUTH),
        "grey of 16 bits.png": (save(wide, "PNG"), truth(wide)),
        "colour.png": (save(colour, "PNG"), truth(colour)),
        "opaque.png": (save(opaque, "PNG"), truth(colour)),
        "grey of 16 bits.tif": (save(wide, "TIFF"), truth(wide)),
        "floats.tif": (save(floats, "TIFF"), truth(floats)),
        "colour.tif": (save(colour, "TIFF", compression="tiff_lzw"), truth(colour)),
        "many strips.tif": (save(np.tile(PIXELS, (40, 40)), "TIFF", compression="packbits"),
                            truth(np.tile(PIXELS, (40, 40)))),
        "colour.bmp": (save(colour, "BMP"), truth(colour)),
        "grey.bmp": (save(PIXELS, "BMP"), TRUTH),
        "from the top.bmp": (bmp({22: -20}, held=upside), grey),
        "capital letters.PNG": (png(), TRUTH),
    }  # fmt: skip
    written: dict[str, tuple[Write, object]] = {
        name: (put(f"a{name[-4:]}", content), content_truth)
        for name, (content, content_truth) in files.items()
    }
    for packing in PACKINGS:
        written[f"grey, {packing or 'plain'}.tif"] = put("a.tif", tiff(packing=packing)), TRUTH
    return written
