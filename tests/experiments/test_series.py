"""A series of jobs: results by key, told of one after the other, and errors that end it."""

from __future__ import annotations

import math
import multiprocessing
import os
from pathlib import Path

import pytest
import torch

from transmodal.errors import UsageError
from transmodal.experiments import series
from transmodal.recipes.load import load


def test_results_stand_in_the_order_of_the_jobs_and_each_is_told_once() -> None:
    told: dict[str, int] = {}
    made = series.each(math.factorial, {"c": 3, "a": 1, "b": 2}, workers=2, threads=1, done=told.__setitem__)
    assert list(made.items()) == [("c", 6), ("a", 1), ("b", 2)]
    assert told == made


def test_jobs_run_elsewhere_with_their_threads() -> None:
    asked = {"threads": "__import__('torch').get_num_threads()", "process": "__import__('os').getpid()"}
    made = series.each(eval, asked, workers=1, threads=1)
    assert made["threads"] == 1
    assert made["process"] != os.getpid()


def test_an_error_travels_whole() -> None:
    with pytest.raises(UsageError, match="recipe 'nobody'") as caught:
        series.each(load, {"a": "nobody"}, workers=1, threads=1)
    assert caught.value.code == "E002"


def test_names_as_folders() -> None:
    assert series.slug("Without SAM: (skip)") == "without-sam---skip"


def test_targets_without_a_unit_are_normalised() -> None:
    assert [series.is_normalised(name) for name in ("t2", "flair", "ct", "fa", "colour")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_no_commit_outside_a_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(series, "__file__", str(tmp_path / "series.py"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert series.commit() is None


def test_the_processes_of_a_pool_share_the_gpus_out(monkeypatch: pytest.MonkeyPatch) -> None:
    auto, fixed = load("t1-to-fa-small"), load("t1-to-fa-small", ["training.device=cuda:1"])
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    process = multiprocessing.current_process()
    before, devices = process.name, []
    try:
        for name in ("SpawnProcess-3", "SpawnProcess-4", "MainProcess"):
            process.name = name
            devices.append(series.own_device(auto))
        process.name = "SpawnProcess-4"
        assert series.own_device(fixed) is None
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        assert series.own_device(auto) is None
    finally:
        process.name = before
    assert devices == ["cuda:1", "cuda:0", None]
