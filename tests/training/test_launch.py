from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, ResourceError, UsageError
from transmodal.processes import Children
from transmodal.progress import Silent
from transmodal.recipes.schema import Recipe
from transmodal.recipes.training_schema import Training
from transmodal.training import launch as room
from transmodal.training.launch import launch, listening, raise_signal
from transmodal.training.train import train

Tiny = Callable[..., Recipe]


def test_a_signal_is_a_request() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with listening() as stop:
        assert not stop
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop
        assert stop.signal == signal.SIGTERM
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_interrupt_is_meant() -> None:
    with listening() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.signal == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_thread_cannot_listen_but_can_train() -> None:
    found = []

    def work() -> None:
        with listening() as stop:
            found.append(bool(stop))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]


def test_signals_end_as_they_do() -> None:
    with pytest.raises(KeyboardInterrupt):
        raise_signal(signal.SIGINT)
    with pytest.raises(SystemExit) as caught:
        raise_signal(signal.SIGTERM)
    assert caught.value.code == 143


@pytest.mark.parametrize("device", ["cuda:7", "mps"])
def test_a_device_that_is_not_there(device: str) -> None:
    with pytest.raises(ResourceError, match=device) as caught:
        launch(Training(epochs=1, device=device), lambda *_: None, None, Silent())
    assert caught.value.code == "E404"
    assert "training.device" in caught.value.remedy


def test_one_device_for_two_processes() -> None:
    with pytest.raises(UsageError, match="2 processes on cuda:0") as caught:
        launch(Training(epochs=1, batch=2, processes=2, device="cuda:0"), lambda *_: None, None, Silent())
    assert caught.value.code == "E004"


def test_a_precision_that_the_cpu_does_not_have() -> None:
    with pytest.raises(UsageError, match="16-mixed on a CPU") as caught:
        launch(Training(epochs=1, device="cpu", precision="16-mixed"), lambda *_: None, None, Silent())
    assert caught.value.code == "E004"


def test_an_error_in_a_child_is_the_callers(tiny: Tiny, cohort: Cohort, run_folder: Path) -> None:
    recipe = tiny(epochs=1, processes=2, samples_per_epoch=12, players={"generator": {"lr": 1e30}})

    with pytest.raises(InputError, match=r"loss generator/l1 is (nan|inf)") as caught:
        train(recipe, cohort, run_folder)
    assert caught.value.code == "E120"


def test_what_became_of_a_child(tmp_path: Path) -> None:
    bug = RuntimeError("a bug")
    killed = ProcessExitedException("terminated with signal SIGKILL", 0, 1, -9, "SIGKILL")
    lost = ProcessRaisedException("RuntimeError: [../gloo/...] Connection closed by peer", 0, 1)
    assert room._failure(tmp_path / "none", bug, Children()) is bug
    assert "SIGKILL" in str(room._failure(tmp_path / "none", killed, Children()))
    assert "died while the others waited" in str(room._failure(tmp_path / "none", lost, Children()))
    (tmp_path / "error.json").write_text(json.dumps(["UsageError", "E001", "a", "b", "C."]))
    told = room._failure(tmp_path / "error.json", bug, Children())
    assert isinstance(told, UsageError)
    assert (told.code, told.got) == ("E001", "a")
