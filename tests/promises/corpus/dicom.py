"""DICOM series that are damaged, lack slices, mix kinds of images, or have headers that make no sense."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence

from promises.corpus.dicom_files import TRUTH, Change, edit, one_slice, series, setting
from promises.corpus.nifti_bytes import WHOLE as NIFTI
from promises.entries import Entry, Faulty, faulty

LAST = "001.dcm"


def entries() -> Iterator[Entry]:
    """Yield the entries."""
    yield from faulty("dicom", "cut", _cuts())
    yield from faulty("dicom", "no DICOM", _foreign())
    yield from faulty("dicom", "slices missing or doubled", _slices())
    yield from faulty("dicom", "several kinds of images", _kinds())
    yield from faulty("dicom", "no unit or two", _rescales())
    yield from faulty("dicom", "place in space", _places())
    yield from faulty("dicom", "pixels", _pixels())
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


def _slices() -> dict[str, Faulty]:
    return {
        "a slice missing": Faulty(series(after=lambda folder: (folder / "002.dcm").unlink()), "E103"),
        "a slice twice with other pixels": Faulty(series(after=_double), "E103"),
        "two slices at one place": Faulty(
            series(one_slice(1, ImagePositionPatient=[-20.0, 10.0, 5.0])), "E121"
        ),
        "a slice off its place": Faulty(
            series(one_slice(1, ImagePositionPatient=[-20.0, 10.0, 8.6])), "E103"
        ),
        "a slice off to the side": Faulty(
            series(one_slice(2, ImagePositionPatient=[-18.0, 10.0, 11.0])), "E103"
        ),
        "two series": Faulty(series(one_slice(3, SeriesInstanceUID="1.2.3")), "E121"),
        "two frames of reference": Faulty(series(one_slice(3, FrameOfReferenceUID="1.2.3")), "E103"),
        "slices of two sizes": Faulty(series(one_slice(3, Rows=4, Columns=5)), "E103"),
        "two spacings": Faulty(series(one_slice(3, PixelSpacing=[0.8, 0.6])), "E103"),
        "two photometric kinds": Faulty(
            series(one_slice(2, PhotometricInterpretation="MONOCHROME1")), "E103 E123"
        ),
    }


def _double(folder: Path) -> None:
    content = (folder / LAST).read_bytes()
    shutil.copy(folder / LAST, folder / "099.dcm")
    (folder / "099.dcm").write_bytes(content[:-2] + b"\x7f\x01")


def _kinds() -> dict[str, Faulty]:
    magnitude = {"ImageType": ["ORIGINAL", "PRIMARY", "M"]}
    elements: dict[str, tuple[object, object]] = {
        "EchoTime": (4.9, 7.4),
        "InversionTime": (700, 2500),
        "FlipAngle": (4, 20),
        "RepetitionTime": (500, 900),
        "EchoNumbers": (1, 2),
        "ConvolutionKernel": ("B30f", "B70f"),
        "ScanningSequence": ("GR", "SE"),
        "ContrastBolusAgent": ("", "Gd"),
        "KVP": (80, 140),
        "DiffusionBValue": (0.0, 1000.0),
    }
    faults = {
        f"two values of {name}": Faulty(series(_halves(name, pair)), "E104")
        for name, pair in elements.items()
    }
    return {
        **faults,
        "phase among magnitude": Faulty(
            series(_halves("ImageType", (magnitude["ImageType"], ["ORIGINAL", "PRIMARY", "P"]))), "E104"
        ),
        "a mosaic": Faulty(series(setting(ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])), "E102"),
        "several frames": Faulty(series(_frames), "E102"),
        "functional groups": Faulty(
            series(setting(SharedFunctionalGroupsSequence=Sequence([Dataset()]))), "E102"
        ),
    }


def _halves(keyword: str, values: tuple[object, object]) -> Change:
    return lambda slice_, index: setattr(slice_, keyword, values[index // 2])


def _frames(slice_: FileDataset, _: int) -> None:
    slice_.NumberOfFrames = 2
    slice_.PixelData = slice_.PixelData * 2


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
        "an intercept with a letter": Faulty(series(after=_edit_all(b"-1024.0 ", b"-1O24.0 ")), "E103"),
        "an intercept of no number": Faulty(series(after=_edit_all(b"-1024.0 ", b"nan     ")), "E103"),
        "two intercepts": Faulty(series(after=_edit_all(b"-1024.0 ", b"-1\\-24.0")), "E103"),
    }


def _edit_all(before: bytes, after: bytes) -> Callable[[Path], None]:
    def rewrite(folder: Path) -> None:
        for path in folder.iterdir():
            path.write_bytes(path.read_bytes().replace(before, after))

    return rewrite


def _places() -> dict[str, Faulty]:
    upright = [1.0, 0, 0, 0, 1, 0]
    return {
        "spacing of 0": Faulty(series(setting(PixelSpacing=[0, 0.5])), "E103"),
        "negative spacing": Faulty(series(setting(PixelSpacing=[0.8, -0.5])), "E103"),
        "one spacing": Faulty(series(setting(PixelSpacing=[0.8])), "E103"),
        "no spacing": Faulty(series(setting(PixelSpacing=None)), "E111"),
        "no place": Faulty(series(setting(ImagePositionPatient=None)), "E111"),
        "a slice without place": Faulty(series(one_slice(1, ImagePositionPatient=None)), "E111"),
        "no directions": Faulty(series(setting(ImageOrientationPatient=None)), "E111"),
        "a slice turned": Faulty(series(one_slice(1, ImageOrientationPatient=upright)), "E103"),
        "directions of length 2": Faulty(series(setting(ImageOrientationPatient=[2, 0, 0, 0, 2, 0])), "E103"),
        "directions alike": Faulty(series(setting(ImageOrientationPatient=[1, 0, 0, 1, 0, 0])), "E103"),
        "five numbers of directions": Faulty(series(setting(ImageOrientationPatient=[1, 0, 0, 0, 1])), "E103"),
        "a place of no number": Faulty(series(after=_edit_all(b"-20.0\\", b"nan  \\")), "E103"),
        "a single slice of thickness 0": Faulty(series(setting(SliceThickness=0), n=1), "E103"),
        "a place of 1e30": Faulty(series(setting(ImagePositionPatient=[1e30, 0, 0])), "E103 E112 E121"),
    }  # fmt: skip


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
        "a deflated file": Faulty(series(after=_edit_all(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")), "E101 E102"),
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
            series(after=_edit_all(b"\x28\0\x10\0US\2\0", b"\x28\0\x10\0US\xfe\xff")), "E101 E105"
        ),
        "sequences 2000 deep": Faulty(series(after=edit("001.dcm", _nest), n=1), "E101"),
    }


def _nest(content: bytes) -> bytes:
    """Put sequences of one item each into one another, as no library writes them any more."""
    place, depth = content.index(b"\x28\0\x02\0US"), 2000
    start = b"\x20\0\x00\x92SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
    end = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    return content[:place] + start * depth + end * depth + content[place:]
