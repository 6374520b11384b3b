"""DICOM series whose pixels are not what their headers say, or have no unit or two."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence

from promises.corpus.dicom_files import Change, edit_all, one_slice, series, setting
from promises.entries import Entry, Faulty, faulty


def entries() -> Iterator[Entry]:
    """Yield the entries."""
    yield from faulty("dicom", "no unit or two", _rescales())
    yield from faulty("dicom", "pixels", _pixels())


def _rescales() -> dict[str, Faulty]:
    mr = {"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}

    def mixed(slice_: FileDataset, index: int) -> None:
        setting(**mr)(slice_, index)
        if index == 2:
            del slice_.RescaleIntercept

    return {
        "a slice without intercept": Faulty(series(one_slice(2, RescaleIntercept=None)), "E105"),
        "a slice without slope": Faulty(series(one_slice(0, RescaleSlope=None)), "E105"),
        "CT without rescale": Faulty(series(setting(RescaleSlope=None, RescaleIntercept=None)), "E105"),
        "an MR slice without intercept": Faulty(series(mixed), "E105"),
        "a slope of 0": Faulty(series(setting(RescaleSlope=0)), "E103"),
        "a slope of 1e300": Faulty(series(setting(RescaleSlope="1e300")), "E103"),
        "a slope beyond float64": Faulty(series(setting(RescaleSlope="1e999")), "E103"),
        "an intercept with a letter": Faulty(series(after=edit_all(b"-1024.0 ", b"-1O24.0 ")), "E103"),
        "an intercept of no number": Faulty(series(after=edit_all(b"-1024.0 ", b"nan     ")), "E103"),
        "two intercepts": Faulty(series(after=edit_all(b"-1024.0 ", b"-1\\-24.0")), "E103"),
    }


def _pixels() -> dict[str, Faulty]:
    elements: dict[str, tuple[dict[str, object], str]] = {
        "12 bits allocated": ({"BitsAllocated": 12}, "E123"),
        "8 bits allocated of 16": ({"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}, "E101"),
        "17 bits stored of 16": ({"BitsStored": 17, "HighBit": 16}, "E123"),
        "a high bit of 11 of 16": ({"HighBit": 11}, "E123"),
        "no bit stored": ({"BitsStored": 0, "HighBit": 0}, "E101 E103 E123"),
        "no bits allocated": ({"BitsAllocated": None}, "E101"),
        "a row too many": ({"Rows": 6}, "E101"),
        "a row too few": ({"Rows": 4}, "E101"),
        "65535 rows": ({"Rows": 65535}, "E101"),
        "no rows": ({"Rows": 0}, "E101 E103 E124"),
        "no columns": ({"Columns": None}, "E103"),
        "three samples of grey": ({"SamplesPerPixel": 3}, "E101"),
        "MONOCHROME1": ({"PhotometricInterpretation": "MONOCHROME1"}, "E123"),
        "a palette": ({"PhotometricInterpretation": "PALETTE COLOR"}, "E123"),
        "an unknown photometric kind": ({"PhotometricInterpretation": "GREY"}, "E123"),
        "RGB of one sample": ({"PhotometricInterpretation": "RGB"}, "E101 E123"),
        "no pixels": ({"PixelData": None}, "E101"),
        "a lookup table": ({"ModalityLUTSequence": Sequence([Dataset()])}, "E123"),
        "a sign of 2": ({"PixelRepresentation": 2}, "E101 E103 E123"),
        "no sign": ({"PixelRepresentation": None}, "E101"),
    }
    faults = {name: Faulty(series(setting(**changes)), codes) for name, (changes, codes) in elements.items()}
    return {
        **faults,
        "half of its pixels": Faulty(series(lambda slice_, _: _halve(slice_)), "E101"),
        "other pixels behind": Faulty(series(lambda slice_, _: _extend(slice_)), "E101"),
        "plain pixels called JPEG": Faulty(series(_syntax("1.2.840.10008.1.2.4.70")), "E101"),
        "plain pixels called RLE": Faulty(series(_syntax("1.2.840.10008.1.2.5")), "E101"),
        "an MPEG of slices": Faulty(series(_syntax("1.2.840.10008.1.2.4.102")), "E101 E123"),
        "a deflated file": Faulty(series(after=edit_all(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")), "E101 E102"),
        "RLE that is cut": Faulty(series(_compress_cut), "E101"),
    }  # fmt: skip


def _halve(slice_: FileDataset) -> None:
    slice_.PixelData = slice_.PixelData[:20]


def _extend(slice_: FileDataset) -> None:
    slice_.PixelData = slice_.PixelData + b"\1\2\3\4"


def _syntax(uid: str) -> Change:
    def change(slice_: FileDataset, _: int) -> None:
        slice_.file_meta.TransferSyntaxUID = uid
        slice_["PixelData"].is_undefined_length = True
        slice_.PixelData = (
            b"\xfe\xff\0\xe0\0\0\0\0\xfe\xff\0\xe0\x28\0\0\0" + slice_.PixelData + b"\xfe\xff\xdd\xe0\0\0\0\0"
        )

    return change


def _compress_cut(slice_: FileDataset, _: int) -> None:
    slice_.compress("1.2.840.10008.1.2.5", encoding_plugin="pydicom", generate_instance_uid=False)
    slice_.PixelData = slice_.PixelData[:-30] + b"\xfe\xff\xdd\xe0\0\0\0\0"
