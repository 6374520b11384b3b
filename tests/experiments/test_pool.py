"""A pool: results by key, each reported once, and errors that end it."""

from __future__ import annotations

import math
import os
import signal

import pytest

from forked_pools import spawned_experiments
from transmodal import processes
from transmodal.errors import ResourceError, UsageError
from transmodal.experiments import pool
from transmodal.experiments.pool import run_parallel
from transmodal.recipes.load import load


def test_results_stand_in_the_order_of_the_jobs_and_each_is_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool, "_pool", spawned_experiments)
    told: dict[str, int] = {}
    made = run_parallel(
        math.factorial, {"c": 3, "a": 1, "b": 2}, workers=2, threads=1, report=told.__setitem__
    )
    assert list(made.items()) == [("c", 6), ("a", 1), ("b", 2)]
    assert told == made


def test_jobs_run_elsewhere_with_their_threads() -> None:
    asked = {"threads": "__import__('torch').get_num_threads()", "process": "__import__('os').getpid()"}
    made = run_parallel(eval, asked, workers=1, threads=1)
    assert made["threads"] == 1
    assert made["process"] != os.getpid()


def test_an_error_travels_whole() -> None:
    with pytest.raises(UsageError, match="recipe 'nobody'") as caught:
        run_parallel(load, {"a": "nobody"}, workers=1, threads=1)
    assert caught.value.code == "E002"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, "E402"), (signal.SIGSTOP, "E405")])
def test_what_was_under_way_is_named_when_a_process_dies(
    number: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LOOK_SECONDS", 0.1)
    with pytest.raises(ResourceError, match="worked on unet 3 died") as caught:
        run_parallel(signal.raise_signal, {("unet", 3): number, ("unet", 4): number}, workers=1, threads=1)
    assert caught.value.code == code
