from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest

from dicom_nodes import PATIENT, RUN, STUDY, source_series
from transmodal.errors import InputError, IntegrityError, ResourceError
from transmodal.inference.load import load
from transmodal.service import runner, worker
from transmodal.service.dicom_node import translation
from transmodal.service.dicom_node.translation import SeriesWork
from transmodal.volumes import binding, io


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return source_series(tmp_path_factory.mktemp("translation") / "source")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do the work in this process, without limits upon it."""

    class StandIn:
        exitcode = -9

        def __init__(self, target: Callable[..., None], args: tuple[object, ...], daemon: bool) -> None:
            self.target, self.args = target, args

        def start(self) -> None:
            try:
                self.target(*self.args)
            except SystemExit as end:
                self.exitcode = int(end.code or 0)

        def is_alive(self) -> bool:
            return False

        def join(self, timeout: float | None = None) -> None: ...

    monkeypatch.setattr(worker, "take_limits", lambda *_: None)
    context = SimpleNamespace(Process=StandIn, Pipe=multiprocessing.Pipe)
    monkeypatch.setattr(runner, "processes", lambda: context)


def task_of(source: Path, output: Path, key: Path | None = None) -> SeriesWork:
    output.mkdir()
    return SeriesWork(source, output, RUN, "FA map", key, False, "warn", "cpu", "torch", 1 << 33, 60)


@pytest.mark.usefixtures("here")
def test_a_series_becomes_a_synthetic_one(source: Path, tmp_path: Path) -> None:
    names = translation.translate(task_of(source, tmp_path / "out"))
    folder = tmp_path / "out" / "synthetic"
    assert names == sorted(path.name for path in folder.iterdir())
    header = pydicom.dcmread(folder / names[0])
    assert (header.PatientID, header.StudyInstanceUID, header.SyntheticData) == (PATIENT, STUDY, "YES")
    assert header.SeriesDescription == "SYNTHETIC FA map"
    volume = load(RUN, device="cpu").translate({"t1": io.read(source)}).volume
    back = io.read(folder)
    assert np.abs(back.voxels - volume.voxels).max() < 1e-4 * np.ptp(volume.voxels)
    own = pydicom.dcmread(next(source.iterdir())).SeriesInstanceUID
    content = "".join(binding.of_volume(io.read(source)))
    assert header.SeriesInstanceUID == translation.series_uid(own, content, load(RUN, device="cpu").digest)


@pytest.mark.usefixtures("here")
def test_uids_are_the_same_each_time_and_pseudonyms_as_well(source: Path, tmp_path: Path) -> None:
    def uids(name: str, key: Path | None = None) -> list[tuple[str, str]]:
        task = task_of(source, tmp_path / name, key)
        headers = [
            pydicom.dcmread(tmp_path / name / "synthetic" / image) for image in translation.translate(task)
        ]
        assert (PATIENT in str(headers)) == (key is None)
        return [(header.SOPInstanceUID, header.SeriesInstanceUID) for header in headers]

    first, key = uids("a"), tmp_path / "key"
    assert uids("b") == first
    pseudonymous = uids("c", key)
    assert uids("d", key) == pseudonymous
    assert not set(first) & set(pseudonymous)
    assert translation.series_uid("1.2", "v", "a") != translation.series_uid("1.2", "v", "b")
    shorter = shutil.copytree(source, tmp_path / "shorter")
    sorted(shorter.iterdir())[-1].unlink()  # as if it came late: slices of two volumes are of two series
    translation.translate(task_of(shorter, tmp_path / "e"))
    uids_of_shorter = {
        pydicom.dcmread(path).SeriesInstanceUID for path in (tmp_path / "e" / "synthetic").iterdir()
    }
    assert not {series for _, series in first} & uids_of_shorter


@pytest.mark.usefixtures("here")
def test_errors_are_those_of_the_work(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        translation.translate(task_of(tmp_path / "empty", tmp_path / "a"))
    assert caught.value.code == "E100"
    monkeypatch.setattr(translation, "work", lambda *_: None)
    with pytest.raises(ResourceError, match="died of SIGKILL"):
        translation.translate(task_of(source, tmp_path / "b"))
    monkeypatch.setattr(translation, "work", lambda task, _: worker.write_outcome(task.output / "none", {}))
    with pytest.raises(ResourceError, match="room and permission") as caught_full:
        translation.translate(task_of(source, tmp_path / "c"))
    assert not translation.is_final(caught_full.value)


def test_a_translation_that_takes_too_long_is_ended(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "processes", lambda: multiprocessing.get_context("spawn"))
    with pytest.raises(ResourceError, match=r"more than 0\.1 seconds") as caught:
        translation.translate(task_of(source, tmp_path / "out")._replace(seconds=0.1))
    assert caught.value.code == "E406"


@pytest.mark.usefixtures("here")
def test_a_node_that_died_is_no_error_of_the_series(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(translation, "_write", write)
    receiver, sender = multiprocessing.Pipe(duplex=False)
    translation.work(task_of(source, tmp_path / "out"), sender)
    assert list((tmp_path / "out").iterdir()) == []
    receiver.close()
    sender.close()


def test_what_a_second_attempt_would_not_mend_is_final() -> None:
    assert translation.is_final(InputError("E101", "a", "b", "c"))
    assert translation.is_final(IntegrityError("E502", "a", "b", "c"))
    assert translation.is_final(ResourceError("E404", "a", "b", "c"))
    assert not translation.is_final(ResourceError("E402", "a", "b", "c"))
    assert not translation.is_final(ResourceError("E407", "a", "b", "c"))
