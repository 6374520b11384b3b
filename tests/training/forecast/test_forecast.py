"""Forecast: what is told of a training, and that nothing stays of the steps that were timed."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from transmodal.cohorts.store import Cohort
from transmodal.errors import ResourceError
from transmodal.recipes.schema import Recipe
from transmodal.storage import memory
from transmodal.training.forecast.forecast import forecast

Tiny = Callable[..., Recipe]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of this test alone."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def test_all_is_told_and_nothing_stays(tiny: Tiny, cohort: Cohort, temporary: Path) -> None:
    arrays = sorted(path for path in cohort.folder.rglob("*") if "working" not in path.parts)
    told = forecast(tiny(early_stopping={"patience": 2}), cohort, seconds=0.01)
    topics = [line.partition(":")[0] for line in told.lines()]
    assert topics[:5] == ["memory", "training", "device", "disk", "time"]
    assert "early_stopping" in told.lines()[-1]
    assert list(temporary.iterdir()) == []
    assert sorted(path for path in cohort.folder.rglob("*") if "working" not in path.parts) == arrays
    content = json.loads(json.dumps(told.to_json()))
    assert (content["recipe"], content["cohort"]) == ("tiny", cohort.manifest.name)
    assert content["time"]["seconds"] == pytest.approx(told.seconds, abs=0.01)
    assert content["time"]["seconds"] == pytest.approx(sum(content["time"]["parts"].values()), abs=0.02)
    assert content["disk"]["features"] == content["memory"]["card"] == 0


def test_nothing_is_timed_on_request(tiny: Tiny, cohort: Cohort, temporary: Path) -> None:
    told = forecast(tiny(), cohort, seconds=0)
    assert told.lines()[-1] == "time: not measured"
    assert "time" not in told.to_json()
    assert told.seconds is None


def test_memory_and_disk_that_do_not_suffice_are_named(
    tiny: Tiny, cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as less:
        less.setenv(memory.MEMORY, "0.001")
        with pytest.raises(ResourceError) as refused:
            forecast(tiny(), cohort)
        assert refused.value.code == "E402"
        assert forecast(tiny(), cohort, seconds=0).needs.memory.more > 0
    monkeypatch.setattr("transmodal.training.forecast.forecast.free_at", lambda _: 1000)
    with pytest.raises(ResourceError, match="TMPDIR") as refused:
        forecast(tiny(), cohort)
    assert refused.value.code == "E403"


def test_an_interrupted_measurement_leaves_nothing(tiny: Tiny, cohort: Cohort, temporary: Path) -> None:
    class Interrupter:
        def advance(self, what: str, done: int, total: int, note: str = "") -> None:
            if note == "start":
                os.kill(os.getpid(), signal.SIGINT)

        def say(self, line: str) -> None:
            pass

    with pytest.raises(KeyboardInterrupt):
        forecast(tiny(), cohort, seconds=30, progress=Interrupter())
    assert list(temporary.iterdir()) == []


def test_several_processes_measure_together(tiny: Tiny, cohort: Cohort, temporary: Path) -> None:
    told = forecast(tiny(processes=2, epochs=1, samples_per_epoch=16), cohort, seconds=0.01)
    assert told.pace is not None
    assert told.pace.steps["train"].seconds > 0
    assert list(temporary.iterdir()) == []
