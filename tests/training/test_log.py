from __future__ import annotations

import errno
import threading
from pathlib import Path
from typing import NoReturn

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from transmodal.errors import ResourceError, UsageError
from transmodal.progress import Silent
from transmodal.training.log import CurvePoint, Curves, read


def write(folder: Path, first: int, last: int) -> None:
    with Curves(folder / "curves.csv", folder / "board", first) as curves:
        for step in range(first + 1, last + 1):
            curves.add(step, "train", 1, {"loss/g/l1": step / 3, "lr/g": 1e-4})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write(tmp_path, 0, 2)

    assert read(tmp_path / "curves.csv") == [
        CurvePoint(1, "train", 1, "loss/g/l1", 1 / 3),
        CurvePoint(1, "train", 1, "lr/g", 1e-4),
        CurvePoint(2, "train", 1, "loss/g/l1", 2 / 3),
        CurvePoint(2, "train", 1, "lr/g", 1e-4),
    ]
    assert (tmp_path / "curves.csv").read_text().startswith("step,phase,epoch,name,value\n")


def test_rows_after_the_resumed_step_are_dropped(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    write(tmp_path / "whole", 0, 9)
    (tmp_path / "cut").mkdir()
    write(tmp_path / "cut", 0, 7)
    write(tmp_path / "cut", 4, 9)

    assert (tmp_path / "cut" / "curves.csv").read_bytes() == (tmp_path / "whole" / "curves.csv").read_bytes()


@pytest.mark.parametrize(("is_validated", "names"), [(True, ["loss", "validation/mae"]), (False, ["loss"])])
def test_a_validation_that_comes_again_is_dropped(
    is_validated: bool, names: list[str], tmp_path: Path
) -> None:
    places = tmp_path / "curves.csv", tmp_path / "board"
    with Curves(*places, 0) as curves:
        for step in (1, 2):
            curves.add(step, "train", step, {"loss": 0.5})
            curves.add(step, "train", step, {"validation/mae": 0.1})
    with Curves(*places, 2, is_validated=is_validated):
        pass
    points = read(tmp_path / "curves.csv")
    assert [point.name for point in points if point.step == 1] == ["loss", "validation/mae"]
    assert [point.name for point in points if point.step == 2] == names


def test_a_row_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, 0, 2)
    text = (tmp_path / "curves.csv").read_text()
    (tmp_path / "curves.csv").write_text(text[:-4])
    assert [point.step for point in read(tmp_path / "curves.csv")] == [1, 1, 2]
    (tmp_path / "curves.csv").write_text(text + "garbage\n7,train\n")
    assert len(read(tmp_path / "curves.csv")) == 4


def test_a_missing_file_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path / "none.csv") == []


def test_tensorboard_has_the_curves(tmp_path: Path) -> None:
    write(tmp_path, 0, 3)
    board = EventAccumulator(str(tmp_path / "board")).Reload()

    assert [event.step for event in board.Scalars("lr/g")] == [1, 2, 3]


def test_silence() -> None:
    silent = Silent()
    silent.advance("train", 1, 2)
    silent.say("nothing")


def test_a_place_for_tensorboard_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "board").write_text("")
    with pytest.raises(UsageError) as caught:
        write(tmp_path, 0, 1)
    assert caught.value.code == "E005"


def test_a_full_disk_ends_the_curves_with_a_resource_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    # TensorBoard writes in a thread of its own, which ends by the error; it must have ended with this test.
    before = set(threading.enumerate())
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    monkeypatch.setattr("tensorboard.summary.writer.record_writer.RecordWriter.write", fail)
    with pytest.raises(ResourceError) as caught:
        write(tmp_path, 0, 2000)
    assert caught.value.code == "E403"
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=120)
