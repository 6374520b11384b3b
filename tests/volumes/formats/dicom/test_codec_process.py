"""A codec that crashes, hangs or swells: a typed error that names the file, and this process goes on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import RLELossless

from transmodal.errors import InputError, ResourceError, TransmodalError
from transmodal.storage import memory
from transmodal.volumes import Volume, io
from transmodal.volumes.formats.dicom import codec_process
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series

FAULTS = {
    "crash": "import ctypes; ctypes.string_at(0)",
    "spin": "while True: pass",
    "sleep": "import time; time.sleep(600)",
    "swell": "import numpy; numpy.ones(1 << 27)",
    "raise": "raise RuntimeError('PATIENT^NAME')",
    "exit": "import os; os._exit(7)",
    "print": "print('PATIENT^NAME', flush=True); return type('D', (), {'pixel_array': __import__('numpy').ones((4, 5), 'u2')})",
}


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """A series of three slices, compressed by RLE."""
    voxels = np.arange(4 * 5 * 3, dtype=np.int16).reshape(4, 5, 3)
    folder = tmp_path / "series"
    write_series(
        Volume(voxels, np.diag([-1.0, -1, 2, 1])), folder, SeriesAbout("CT", "d", "p", "1.2.3", "1.2.4")
    )
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.compress(RLELossless)
        dataset.save_as(path, enforce_file_format=True)
    return folder


def break_codec(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process that decodes come upon a library with a fault."""
    library = tmp_path / "libraries"
    library.mkdir()
    (library / "pydicom.py").write_text(f"def dcmread(path):\n    {FAULTS[fault]}\n")
    monkeypatch.syspath_prepend(library)


def test_a_whole_series_is_read_by_one_process(series: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []
    begin = subprocess.Popen

    def count(*words: object, **options: object) -> object:
        begun.append(words)
        return begin(*words, **options)  # type: ignore[call-overload]  # as it is called

    monkeypatch.setattr(subprocess, "Popen", count)
    read = io.read(series)
    np.testing.assert_array_equal(np.sort(read.voxels.ravel()), np.arange(60))
    assert len(begun) == 1


def test_plain_pixels_need_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "series"
    about = SeriesAbout("CT", "d", "p", "1.2.3", "1.2.4")
    write_series(Volume(np.ones((4, 5, 3), np.int16), np.eye(4)), folder, about)
    monkeypatch.setattr(subprocess, "Popen", None)
    assert io.read(folder).voxels.shape == (4, 5, 3)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("crash", "died of SIGSEGV"),
        ("spin", "died of SIG"),
        ("sleep", "died of SIGKILL"),
        ("raise", "RuntimeError in its decoder"),
        ("exit", "died with status 7"),
    ],
)
def test_a_codec_that_fails_names_the_file(
    series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, words: str
) -> None:
    monkeypatch.setattr(codec_process, "CPU_SECONDS", 1 if fault == "spin" else 60)
    monkeypatch.setattr(codec_process, "PATIENCE_SECONDS", 4.0 if fault == "sleep" else 60.0)
    break_codec(fault, tmp_path, monkeypatch)
    with pytest.raises(InputError, match=words) as caught:
        io.read(series)
    assert (caught.value.code, caught.value.exit_status) == ("E101", 3)
    assert any(path.name in caught.value.got for path in series.iterdir())
    assert "PATIENT" not in caught.value.line()


def test_a_codec_that_swells_is_stopped_at_the_budget(
    series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(memory.BUDGET, "0.1")
    break_codec("swell", tmp_path, monkeypatch)
    with pytest.raises(ResourceError, match="more memory to decode") as caught:
        io.read(series)
    assert caught.value.code == "E401"


def test_what_a_codec_prints_is_not_taken_for_pixels(
    series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    break_codec("print", tmp_path, monkeypatch)
    with pytest.raises(TransmodalError, match="shape"):
        io.read(series)
    assert "PATIENT" not in "".join(capfd.readouterr())
