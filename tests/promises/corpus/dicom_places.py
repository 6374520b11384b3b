"""DICOM series that lack slices, mix kinds of images, or have no place in space that makes sense."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence

from promises.corpus.dicom_files import LAST, Change, edit_all, one_slice, series, setting
from promises.entries import Entry, Faulty, faulty


def entries() -> Iterator[Entry]:
    """Yield the entries."""
    yield from faulty("dicom", "slices missing or doubled", _slices())
    yield from faulty("dicom", "several kinds of images", _kinds())
    yield from faulty("dicom", "place in space", _places())


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
        "a place of no number": Faulty(series(after=edit_all(b"-20.0\\", b"nan  \\")), "E103"),
        "a single slice of thickness 0": Faulty(series(setting(SliceThickness=0), n=1), "E103"),
        "a place of 1e30": Faulty(series(setting(ImagePositionPatient=[1e30, 0, 0])), "E103 E112 E121"),
    }  # fmt: skip
