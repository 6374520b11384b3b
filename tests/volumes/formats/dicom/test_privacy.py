"""No word of a patient leaves a reader: no warning, log line or message, whatever is wrong with the headers."""

from __future__ import annotations

import logging
import threading
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from transmodal.errors import InputError
from transmodal.volumes import Volume, io
from transmodal.volumes.formats.dicom.privacy import identifying_words, mask_identity, quiet
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series

CANARY = "Zzyzxdoe"


def series(folder: Path, n: int = 12) -> Path:
    """Slices whose headers hold values that pydicom warns of, and quotes; files are named by the patient."""
    voxels = np.random.default_rng(3).integers(1, 900, (6, 5, n)).astype(np.int16)
    about = SeriesAbout("MR", "t1_mprage", f"{CANARY}^Jane", "1.2.3", "1.2.9")
    write_series(Volume(voxels, np.diag([-1.0, -1.0, 1.0, 1.0])), folder, about)
    before = config.settings.writing_validation_mode
    config.settings.writing_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for path in folder.iterdir():
                one = pydicom.dcmread(path)
                one.add_new("PatientAge", "AS", f"{CANARY} is old")
                one.add_new("StudyInstanceUID", "UI", f"1.2.{CANARY}")
                one.add_new("SOPInstanceUID", "UI", f"1.2.{path.stem}.{CANARY}")
                one.add_new("StudyDate", "DA", f"{CANARY}")
                one.add_new("PatientID", "LO", f"{CANARY}" * 12)
                one.save_as(folder / f"{CANARY.upper()}_JANE_{path.name}")
                path.unlink()
    finally:
        config.settings.writing_validation_mode = before
    return folder


def test_nothing_is_said_but_one_line_without_values(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = series(tmp_path / "s")
    caplog.clear()
    with warnings.catch_warnings(record=True) as caught, caplog.at_level(logging.DEBUG):
        warnings.simplefilter("always")
        assert io.read(folder).voxels.shape == (6, 5, 12)
    assert not caught
    shown = caplog.text + "".join(capsys.readouterr())
    assert CANARY.lower() not in shown.lower()
    lines = [record for record in caplog.records if "header values" in record.getMessage()]
    assert len(lines) == 1
    assert "12 DICOM files" in lines[0].getMessage()


def broken_position(one: Dataset) -> None:
    del one.ImagePositionPatient
    one.add_new("ImagePositionPatient", "LO", [CANARY, "2", "3"])


def broken_slope(one: Dataset) -> None:
    one.add_new("RescaleSlope", "LO", CANARY)


def broken_bits(one: Dataset) -> None:
    del one.BitsAllocated
    one.add_new("BitsAllocated", "LO", CANARY)


@pytest.mark.parametrize("change", [broken_position, broken_slope, broken_bits], ids=lambda f: f.__name__)
def test_messages_quote_neither_headers_nor_names(change: object, tmp_path: Path) -> None:
    folder = series(tmp_path / "s", 4)
    path = sorted(folder.iterdir())[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = pydicom.dcmread(path)
        change(one)  # type: ignore[operator]  # parametrized
        one.save_as(path)
    with pytest.raises(InputError) as caught:
        io.read(folder)
    text = caught.value.line() + repr(caught.value.__cause__) * caught.value.__suppress_context__
    assert CANARY.lower() not in text.lower()
    assert "0002.dcm" in text


def test_a_damaged_file_is_named_without_its_patient(tmp_path: Path) -> None:
    folder = series(tmp_path / "s", 4)
    sorted(folder.iterdir())[3].write_bytes(b"")
    with pytest.raises(InputError, match=r"\*\*\*_\*\*\*_0004\.dcm is empty") as caught:
        io.read(folder)
    assert CANARY.lower() not in caught.value.line().lower()


@pytest.mark.parametrize(
    ("name", "patient", "shown"),
    [
        ("DOE_JANE_0001.dcm", "Doe^Jane", "***_***_0001.dcm"),
        ("doejane0001.dcm", "Doe^Jane", "******0001.dcm"),
        ("MUELLER12.dcm", "Mueller", "***12.dcm"),
        ("mueller_gross.dcm", "Müller^Groß", "***_***.dcm"),
        ("NOVAK_lukas_0001.dcm", "Novák^Lukáš", "***_***_0001.dcm"),
        ("IM000001", "1", "IM000001"),
        ("4711081_3.ima", "4711081", "***_3.ima"),
        ("0001.dcm", "0001", "0001.dcm"),
    ],
)
def test_names_of_files_are_masked_by_the_patients_words(name: str, patient: str, shown: str) -> None:
    assert mask_identity(name, identifying_words(patient)) == shown


def test_the_log_is_kept_in_while_another_thread_reads(caplog: pytest.LogCaptureFixture) -> None:
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()

    def read_first() -> None:
        with quiet():
            first_in.set()
            second_in.wait(120)
        first_out.set()

    def read_second() -> None:
        first_in.wait(120)
        with quiet():
            second_in.set()
            first_out.wait(120)
            try:
                raise RuntimeError(CANARY)
            except RuntimeError as error:
                logging.getLogger("pydicom.pixels.decoders.base").exception(error)

    threads = [threading.Thread(target=read) for read in (read_first, read_second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert CANARY not in caplog.text
    assert logging.getLogger("pydicom").propagate


def test_the_log_of_pydicom_reaches_neither_the_last_resort_nor_its_own_handlers(
    capfd: pytest.CaptureFixture[str],
) -> None:
    logger = logging.getLogger("pydicom")
    before, handler = list(logger.handlers), logging.StreamHandler()
    try:
        for handlers in ([], [handler]):
            logger.handlers = list(handlers)
            with quiet():
                logging.getLogger("pydicom.filereader").warning(CANARY)
            assert logger.handlers == handlers
    finally:
        logger.handlers = before
    assert CANARY not in "".join(capfd.readouterr())


def test_names_that_hold_a_uid_keep_its_end_alone() -> None:
    name = f"{generate_uid()}.dcm"
    assert mask_identity(name, frozenset()) == f"***{name[-8:]}"
