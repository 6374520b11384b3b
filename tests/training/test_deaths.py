"""A process that dies or is stopped ends a training, with its cause and what helps."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from transmodal import processes
from transmodal.cohorts.store import Cohort
from transmodal.errors import ResourceError
from transmodal.recipes.schema import Recipe
from transmodal.training.train import train

Tiny = Callable[..., Recipe]


class Hurt:
    """Progress that sends a signal to a child process at the second step."""

    def __init__(self, number: int) -> None:
        self.number, self.is_sent = number, False

    def advance(self, stage: str, completed: int, _total: int, _note: str = "") -> None:
        if stage == "train" and completed == 2 and not self.is_sent:
            child = max(multiprocessing.active_children(), key=lambda process: process.pid or 0)
            assert child.pid is not None
            os.kill(child.pid, self.number)
            self.is_sent = True

    def say(self, _line: str) -> None:
        pass


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, "E402"), (signal.SIGSTOP, "E405")])
@pytest.mark.parametrize(
    ("setting", "words"), [("workers", "a process that cuts windows"), ("processes", "a training process")]
)
def test_a_death_is_named(
    tiny: Tiny,
    cohort: Cohort,
    run_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    words: str,
    number: int,
    code: str,
) -> None:
    monkeypatch.setattr(processes, "LOOK_SECONDS", 0.3)
    hurt = Hurt(number)

    with pytest.raises(ResourceError, match=words) as caught:
        train(tiny(epochs=5, samples_per_epoch=4000, **{setting: 2}), cohort, run_folder, progress=hurt)

    assert caught.value.code == code
    assert caught.value.exit_status == 4
    assert "start again" in caught.value.remedy
    assert not multiprocessing.active_children()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="needs /proc")
def test_a_process_that_is_stopped_before_it_says_a_word_is_named(
    tiny: Tiny, cohort: Cohort, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LOOK_SECONDS", 0.3)
    children = processes.Children()

    def stop() -> None:
        while not children.look():
            time.sleep(0.001)
        os.kill(children.look()[0], signal.SIGSTOP)

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(ResourceError, match="had been stopped and did not go on") as caught:
        train(tiny(epochs=5, samples_per_epoch=4000, processes=2), cohort, run_folder)
    thread.join()
    assert caught.value.code == "E405"
