"""Workers that sleep for ever are ended and named; workers that are slow, or starved, are not."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from torch.utils.data import get_worker_info

from patience import PATIENCE_SECONDS
from transmodal import processes
from transmodal.batch import Batch
from transmodal.data import hangs
from transmodal.data.dataset import WindowDataset
from transmodal.data.loader import Epoch, Share, batches
from transmodal.data.stream import Stream
from transmodal.errors import ResourceError

LOOK_S = 0.03


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_that_sleep_while_a_step_waits_are_ended(
    stream: Stream, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = WindowDataset.__getitem__

    def hang(dataset: WindowDataset, key: tuple[int, int]) -> Batch:
        worker = get_worker_info()
        if worker is not None and worker.id == 0:
            time.sleep(1000)
        return read(dataset, key)

    monkeypatch.setattr(processes, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(WindowDataset, "__getitem__", hang)
    with pytest.raises(ResourceError, match="all slept while a step waited") as caught:
        list(batches(WindowDataset(stream), Epoch(4, "train", 1, 5), Share(workers=workers)))
    assert caught.value.code == "E405"
    assert "disk answers" in caught.value.remedy
    assert not multiprocessing.active_children()


def spin() -> None:
    while True:
        pass


def doze() -> None:
    while True:
        time.sleep(0.01)  # as one does that reads from a slow disk, little by little


def sleep() -> None:
    time.sleep(1000)


@pytest.mark.parametrize(
    ("work", "is_stopped", "is_hanging"),
    [(spin, False, False), (doze, False, False), (sleep, True, False), (sleep, False, True)],
    ids=["computes", "reads slowly", "is stopped", "sleeps"],
)
def test_sleep_is_told_from_slowness(
    work: Callable[[], None], is_stopped: bool, is_hanging: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LOOK_SECONDS", LOOK_S)
    with working(work) as process, hangs.keeping_vigil([process.pid or 0]) as vigil:
        if is_stopped:
            os.kill(process.pid or 0, signal.SIGSTOP)
        with vigil.waiting():
            process.join(PATIENCE_SECONDS if is_hanging else 3 * hangs.PATIENCE_LOOKS * LOOK_S)
        assert process.is_alive() is not is_hanging
        assert hangs.was_hanging(process.pid or 0) is is_hanging


def test_nothing_is_ended_while_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LOOK_SECONDS", LOOK_S)
    with working(sleep) as process, hangs.keeping_vigil([process.pid or 0]) as vigil:
        for _ in range(6):  # waits that end are none that last
            with vigil.waiting():
                process.join(timeout=hangs.PATIENCE_LOOKS * LOOK_S / 2)
        process.join(timeout=2 * hangs.PATIENCE_LOOKS * LOOK_S)
        assert process.is_alive()


@contextmanager
def working(work: Callable[[], None]) -> Iterator[multiprocessing.process.BaseProcess]:
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()
