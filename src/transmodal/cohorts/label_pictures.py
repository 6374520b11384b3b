"""Label pictures: integers as they are, or colours that stand for integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError
from transmodal.storage import streams, tables
from transmodal.volumes.formats import raster

Colours = tuple[tuple[int, int], ...]
"""Pairs of a packed colour, `r * 65536 + g * 256 + b`, and its label."""

MOST = 255
_WHOLE = ("L", "I;16", "I;16B", "I;16L", "1")
_COLUMNS = ("label", "r", "g", "b")


def read(path: Path, colours: Colours) -> NDArray[Any]:
    """Return the labels of a picture, `(rows, columns)`.

    Grey of 8 or 16 bits is taken as it stands. RGB and palettes count by their colours, since every file has
    a palette of its own.

    Args:
        path: PNG, TIFF or BMP.
        colours: what they mean.

    Raises:
        InputError: E101 for a corrupt file, E103 for a colour without a label, E123 for other pixels.
    """
    pixels = _pixels(path)
    if pixels.ndim == 2:
        return pixels
    packed = _packed(pixels)
    palette, labels = np.array(sorted(colours), dtype=np.int64).reshape(-1, 2).T
    place = np.searchsorted(palette, packed).clip(0, max(len(palette) - 1, 0))
    strange = packed[palette[place] != packed] if len(palette) else packed.ravel()
    if strange.size:
        raise InputError(
            "E103",
            f"{path.name} with the colour {_text(int(strange.flat[0]))}, which has no label",
            "colours of the table",
            "Add it to the table of colours, or save the labels without smoothing and compression.",
        )
    numbers: NDArray[Any] = labels[place].astype(np.int32)
    return numbers


def number_colours(paths: Sequence[Path]) -> Colours:
    """Return labels for the colours of these pictures: black 0, the others from 1 in order of r, g, b.

    Where all colours are grey, the grey value is the label. Reads every picture.

    Raises:
        InputError: E123 for more than 255 colours, and as `read`.
    """
    colours: set[int] = set()
    for path in paths:
        pixels = _pixels(path)
        if pixels.ndim == 3:
            colours.update(np.unique(_packed(pixels)).tolist())
        if len(colours) > MOST + 1:
            raise InputError(
                "E123",
                f"{path.name}: more than {MOST} colours of labels up to here",
                "one colour for each label",
                "Save them without smoothing and compression.",
            )
    if all(_is_grey(colour) for colour in colours):
        return tuple((colour, colour & 255) for colour in sorted(colours))
    labelled = sorted(colours - {0})
    return ((0, 0), *((colour, label) for label, colour in enumerate(labelled, 1)))


def read_table(path: Path) -> Colours:
    """Read a CSV with the columns label, r, g and b; others, such as a name, are not looked at.

    Raises:
        InputError: E100, E101 as `tables.read`; E103 for other columns, values or a colour twice.
    """
    labels: dict[int, int] = {}
    for row in tables.read(path).rows:
        try:
            label, r, g, b = (int(row[column]) for column in _COLUMNS)
            colour = (r << 16) + (g << 8) + b
            if not (label >= 0 and all(0 <= part <= MOST for part in (r, g, b))) or colour in labels:
                raise ValueError(row)
        except (KeyError, ValueError) as error:
            raise InputError(
                "E103",
                f"{path.name} with {dict(row)}",
                "columns label, r, g, b; whole numbers, colours up to 255, each once",
                "Correct the table.",
            ) from error
        labels[colour] = label
    return tuple(sorted(labels.items()))


def format_table(colours: Mapping[int, Sequence[int]]) -> str:
    """Return the text of such a table, for labels and their `(r, g, b)`."""
    lines = [",".join(map(str, (label, *rgb))) for label, rgb in sorted(colours.items())]
    return "\n".join([",".join(_COLUMNS), *lines]) + "\n"


def _pixels(path: Path) -> NDArray[Any]:
    """Return `(rows, columns)` integers, or `(rows, columns, 3)` colours."""
    with streams.guarded(path.name, "PNG, TIFF or BMP file"), raster.open_picture(path) as image:
        streams.check_budget(path.name, image.width * image.height * 4, n_stored=path.stat().st_size)
        if image.mode in _WHOLE:
            return np.asarray(image).astype(np.uint8 if image.mode in ("L", "1") else np.int32)
        if image.mode in ("P", "RGB"):
            return np.asarray(image.convert("RGB"))
        raise InputError(
            "E123",
            f"{path.name} has pixels of kind {image.mode}",
            "labels as grey of 8 or 16 bits, a palette or RGB",
            "Convert it, without transparency.",
        )


def _packed(pixels: NDArray[Any]) -> NDArray[np.int64]:
    r, g, b = np.moveaxis(pixels.astype(np.int64), -1, 0)
    packed: NDArray[np.int64] = (r << 16) + (g << 8) + b
    return packed


def _is_grey(colour: int) -> bool:
    return colour >> 16 == colour >> 8 & 255 == colour & 255


def _text(colour: int) -> str:
    return f"{colour >> 16}, {colour >> 8 & 255}, {colour & 255}"
