"""Units of work: done once, done again when what they follow from is another, and kept when a later one fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from recorded_progress import RecordedProgress
from transmodal.experiments.study import units as module
from transmodal.experiments.study.units import Content, WorkUnit, WorkUnits


def double(number: int) -> Content:
    if number < 0:
        raise ValueError(number)
    return {"twice": 2 * number}


def unit(number: int, version: int = 1) -> WorkUnit:
    return WorkUnit(double, number, {"number": abs(number), "version": version})


def test_complete_units_are_not_done_again(tmp_path: Path) -> None:
    first = WorkUnits(tmp_path).complete("stage", {"a": unit(1), "b": unit(2)})
    assert first == {"a": {"twice": 2}, "b": {"twice": 4}}
    # The same inputs with work that would fail: nothing is called.
    assert WorkUnits(tmp_path).complete("stage", {"a": unit(-1), "b": unit(-2)}) == first


def test_units_of_other_inputs_are_done_again(tmp_path: Path) -> None:
    WorkUnits(tmp_path).complete("stage", {"a": unit(1)})
    with pytest.raises(ValueError, match="-1"):
        WorkUnits(tmp_path).complete("stage", {"a": unit(-1, version=2)})


def test_units_of_another_commit_are_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    WorkUnits(tmp_path).complete("stage", {"a": unit(1)})
    monkeypatch.setattr(module, "code_record", lambda: {"commit": "another"})
    with pytest.raises(ValueError, match="-1"):
        WorkUnits(tmp_path).complete("stage", {"a": unit(-1)})


def test_a_study_that_failed_goes_on(tmp_path: Path) -> None:
    progress = RecordedProgress()
    with pytest.raises(ValueError, match="-2"):
        WorkUnits(tmp_path).complete("stage", {"a": unit(1), "b": unit(-2), "c": unit(3)})
    going_on = WorkUnits(tmp_path, progress=progress)
    assert going_on.complete("stage", {"a": unit(-1), "b": unit(2), "c": unit(3)})["b"] == {"twice": 4}
    assert [counts[:3] for counts in progress.calls] == [("stage", n, 3) for n in (1, 2, 3)]


def test_a_file_cut_short_and_a_forgotten_unit_are_done_again(tmp_path: Path) -> None:
    units = WorkUnits(tmp_path)
    units.complete("stage", {"a": unit(1)})
    file = next((tmp_path / "units").rglob("*.json"))
    file.write_text(file.read_text()[:20])
    assert units.complete("stage", {"a": unit(1)}) == {"a": {"twice": 2}}
    units.forget("stage", "a")
    with pytest.raises(ValueError, match="-1"):
        units.complete("stage", {"a": unit(-1)})


def test_several_at_once_go_to_the_pool_and_come_back_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[list[str], int, int]] = []

    def run_parallel(
        work: Callable[[WorkUnit], Content],
        items: dict[str, WorkUnit],
        *,
        workers: int,
        threads: int,
        report: Callable[[str, Content], None],
    ) -> None:
        calls.append((list(items), workers, threads))
        for name in reversed(items):
            report(name, work(items[name]))

    monkeypatch.setattr(module, "run_parallel", run_parallel)
    contents = WorkUnits(tmp_path, workers=2).complete(
        "stage", {name: unit(n) for n, name in enumerate("dcba")}
    )
    assert list(contents.items()) == [(name, {"twice": 2 * n}) for n, name in enumerate("dcba")]
    assert calls == [(list("dcba"), 2, 1)]
