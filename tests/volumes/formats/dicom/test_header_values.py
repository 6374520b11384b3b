"""Errors on DICOM name tags and never the values that stand in them; file names are shown without a patient's words."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from transmodal.errors import TransmodalError
from transmodal.volumes import Volume, io
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series
from transmodal.volumes.reading import Reading

CANARY = "QUOLLVEX"
NUMBER = 73519
UID = "1.2.840.99999.735190.735191.735192.735193"


def series(folder: Path, modality: str = "MR", n_slices: int = 4) -> Path:
    voxels = np.random.default_rng(3).integers(1, 900, (6, 5, n_slices)).astype(np.int16)
    about = SeriesAbout(modality, "t1_mprage", "Doe^Jane", "1.2.3", "1.2.9")
    write_series(Volume(voxels, np.diag([-1.0, -1.0, 1.0, 1.0])), folder, about)
    return folder


def edit(folder: Path, change: Callable[[Dataset, int], None]) -> None:
    for n, path in enumerate(sorted(folder.iterdir())):
        dataset = pydicom.dcmread(path)
        change(dataset, n)
        dataset.save_as(path)


def two_series(dataset: Dataset, n: int) -> None:
    dataset.SeriesInstanceUID, dataset.SeriesNumber = (UID, "1.2.3")[n % 2], (NUMBER, 2)[n % 2]
    dataset.Modality = CANARY


def two_kinds(dataset: Dataset, n: int) -> None:
    dataset.ImageType = ["ORIGINAL", "PRIMARY", (CANARY, "M")[n % 2]]


def two_echoes(dataset: Dataset, n: int) -> None:
    dataset.EchoTime = (NUMBER, 2)[n % 2]


def thickness(dataset: Dataset, _: int) -> None:
    dataset.SpacingBetweenSlices = -NUMBER


def spacing(dataset: Dataset, _: int) -> None:
    dataset.PixelSpacing = [-NUMBER, 1]


def bits(dataset: Dataset, _: int) -> None:
    dataset.BitsAllocated = 7351


def high_bit(dataset: Dataset, _: int) -> None:
    dataset.HighBit = 7351


def rescale(dataset: Dataset, _: int) -> None:
    dataset.RescaleSlope, dataset.RescaleIntercept = "1e300", f"{NUMBER}.5"


CHANGES = [two_series, two_kinds, two_echoes, thickness, spacing, bits, high_bit, rescale]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_errors_name_tags_and_no_values(change: Callable[[Dataset, int], None], tmp_path: Path) -> None:
    folder = series(tmp_path / "s", n_slices=1 if change is thickness else 4)
    edit(folder, change)
    with pytest.raises(TransmodalError) as caught:
        io.read(folder)
    shown = repr(caught.value) + caught.value.line()
    assert not [value for value in (CANARY, "7351", UID) if value in shown], shown


def test_series_that_do_not_exist_list_no_values(tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    edit(folder, two_series)
    with pytest.raises(TransmodalError) as caught:
        io.read(folder, Reading(series="4"))
    assert not [value for value in (CANARY, "7351", UID) if value in caught.value.line()]
    assert "number 2" in caught.value.line()


def test_padding_is_counted_without_its_value(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def pad(dataset: Dataset, _: int) -> None:
        dataset.add_new("PixelPaddingValue", "SS", -7351)
        dataset.RescaleSlope, dataset.RescaleIntercept = "1", "0"
        pixels = dataset.pixel_array.copy()
        pixels[0, 0] = -7351
        dataset.PixelData = pixels.tobytes()

    folder = series(tmp_path / "s", "CT")
    edit(folder, pad)
    with caplog.at_level(logging.WARNING):
        io.read(folder)
    assert "4 pixels are padding" in caplog.text
    assert "7351" not in caplog.text


def test_files_named_by_other_words_of_a_header_are_shown_without_them(tmp_path: Path) -> None:
    def name(dataset: Dataset, _: int) -> None:
        dataset.AccessionNumber, dataset.PatientBirthDate = "ACQUOLL", "19650412"
        dataset.ReferringPhysicianName, dataset.InstitutionName = "Hektor^Wombat", "Numbat Hospital"
        dataset.StudyDescription = "Quokka t1 brain"

    folder = series(tmp_path / "s")
    edit(folder, name)
    whole = sorted(folder.iterdir())[1]
    (folder / f"ACQUOLL_19650412_wombat_NUMBAT_quokka_t1_{UID}.dcm").write_bytes(whole.read_bytes()[:700])
    with pytest.raises(TransmodalError) as caught:
        io.read(folder)
    shown = caught.value.line().lower()
    assert not [word for word in ("quo", "1965", "wombat", "numbat", UID) if word in shown], shown
    assert "_t1_***5193.dcm" in shown  # the file can be told from others


def test_a_lone_file_that_is_cut_is_masked_by_its_own_header(tmp_path: Path) -> None:
    folder = series(tmp_path / "s", n_slices=1)
    (path,) = folder.iterdir()
    content = path.read_bytes()
    path.unlink()
    (folder / "doe_jane_1.dcm").write_bytes(content[:-20])
    with pytest.raises(TransmodalError) as caught:
        io.read(folder)
    assert "jane" not in caught.value.line().lower()
