"""Kinds of images that one DICOM series can hold: magnitude and phase, several echoes, several b values, two kernels.

A volume is of one kind. What parts kinds are the parameters of the acquisition that do not change from slice to slice.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from transmodal.volumes.formats.dicom.slice_header import Slice

_WORDS = (
    "ImageType",
    "ComplexImageComponent",
    "ScanningSequence",
    "SequenceName",
    "EchoNumbers",
    "ConvolutionKernel",
    "TemporalPositionIdentifier",
    "ContrastBolusAgent",
)
_NUMBERS = {
    "EchoTime": 0.03,
    "InversionTime": 0.03,
    "RepetitionTime": 0.25,
    "FlipAngle": 0.03,
    "DiffusionBValue": 0.03,
    "KVP": 0.03,
}
"""Numbers, and the share up to which they are one: scanners round them slice by slice, and a heart or a breath sets TR."""
_GE_PART = (0x0043, 0x102F)
_GE_PARTS = {"0": "magnitude", "1": "phase", "2": "real", "3": "imaginary"}
_MOSAIC_COUNT = (0x0019, 0x100A)
_CSA_IMAGE = (0x0029, 0x1010)
_CSA_FIELD = b"NumberOfImagesInMosaic"
_CSA_HEAD = 84
"""Bytes of a field of Siemens' CSA header before its items: name, multiplicity, representation, counts."""

Key = TypeVar("Key", bound=Hashable)


class Traits(NamedTuple):
    """The parameters of an image by which its kind is known.

    Attributes:
        words: values of `_WORDS`, and whether GE says it is magnitude or a part.
        numbers: values of `_NUMBERS`; None where one is not said.
    """

    words: tuple[str, ...]
    numbers: tuple[float | None, ...]


def read_traits(header: Slice) -> Traits:
    """Return the parameters by which an image's kind is known."""
    words = tuple("\\".join(header.words(keyword)) for keyword in _WORDS)
    part = _private_bytes(header, _GE_PART).decode("ascii", "ignore").strip()
    return Traits((*words, _GE_PARTS.get(part, "")), tuple(header.number(keyword) for keyword in _NUMBERS))


def group_kinds(keys: Sequence[Traits]) -> list[list[Traits]]:
    """Return distinct traits by kind, in the order of their first appearance; numbers that nearly agree are one."""
    steps = [
        _number_steps([key.numbers[n] for key in keys], share) for n, share in enumerate(_NUMBERS.values())
    ]
    kinds: dict[tuple[object, ...], list[Traits]] = {}
    for key in dict.fromkeys(keys):
        kind = (key.words, *(steps[n][number] for n, number in enumerate(key.numbers)))
        kinds.setdefault(kind, []).append(key)
    return list(kinds.values())


def describe_difference(kinds: Sequence[Sequence[Traits]]) -> str:
    """Return what several kinds differ in, such as `EchoTime`; its values, which can be of a patient, are not shown."""
    firsts = [kind[0] for kind in kinds]
    for n, keyword in enumerate((*_WORDS, "RawDataType")):
        if len({first.words[n] for first in firsts}) > 1:
            return keyword
    for n, keyword in enumerate(_NUMBERS):
        if len({first.numbers[n] for first in firsts}) > 1:
            return keyword
    return "their parameters"


def mosaic_count(header: Slice) -> int:
    """Return of how many slices a Siemens mosaic consists; 0 where the image is none.

    ImageType says it mostly; where an archive changed it, (0019,100a) does, or the CSA header in (0029,1010).
    """
    counted = _parse_count(_private_bytes(header, _MOSAIC_COUNT)) or _parse_csa_count(
        _private_bytes(header, _CSA_IMAGE)
    )
    if counted > 1:
        return counted
    return 2 if "MOSAIC" in {part.upper() for part in header.words("ImageType")} else 0


def _number_steps(numbers: Sequence[float | None], share: float) -> Mapping[float | None, int]:
    """Return the number of its step for each value, where sorted values that are near are one step."""
    ascending = sorted({number for number in numbers if number is not None})
    step = 0
    places: dict[float | None, int] = {None: -1}
    for before, number in zip([None, *ascending], ascending, strict=False):
        if before is not None and number - before > share * max(abs(number), abs(before)):
            step += 1
        places[number] = step
    return places


def _private_bytes(header: Slice, tag: tuple[int, int]) -> bytes:
    """Return a private element as bytes, empty where there is none."""
    element = header.element(tag)
    if element is None:
        return b""
    if isinstance(element, bytes):
        return element
    return str(element).encode("ascii", "ignore")


def _parse_count(value: bytes) -> int:
    """Return a count that is text, or two or four bytes of an unknown representation."""
    text = value.strip(b"\0 ")
    if text.isdigit():
        return int(text)
    return int.from_bytes(value, "little") if len(value) in (2, 4) else 0


def _parse_csa_count(header: bytes) -> int:
    """Return NumberOfImagesInMosaic of a CSA header; 0 where it has none or is empty there."""
    place = header.find(_CSA_FIELD)
    if place < 0:
        return 0
    behind = header[place + _CSA_HEAD :]
    # An item is four 32-bit numbers, one of which is its length, and then its text.
    length = int.from_bytes(behind[4:8], "little")
    item = behind[16 : 16 + length] if 0 < length <= 16 else b""
    if re.fullmatch(rb"\s*\d+\s*\0*\s*", item):
        return int(item.strip(b"\0 "))
    length = int.from_bytes(behind[:4], "little")
    item = behind[16 : 16 + length] if 0 < length <= 16 else b""
    if re.fullmatch(rb"\s*\d+\s*\0*\s*", item):
        return int(item.strip(b"\0 "))
    text = re.match(rb"\W{0,12}(\d{1,4})(?!\d)", header[place + len(_CSA_FIELD) :][:24])
    return int(text[1]) if text else 0
