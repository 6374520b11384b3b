"""A trial: its folder, its device, and how its target is scored."""

from __future__ import annotations

import multiprocessing

import pytest
import torch

from transmodal.experiments import trial
from transmodal.recipes.load import load


def test_names_as_folders() -> None:
    assert trial.slug("Without SAM: (skip)") == "without-sam---skip"


def test_targets_without_a_unit_are_normalised() -> None:
    assert [trial.is_normalised(name) for name in ("t2", "flair", "ct", "fa", "colour")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_the_processes_of_a_pool_share_the_gpus_out(monkeypatch: pytest.MonkeyPatch) -> None:
    auto, fixed = load("t1-to-fa-small"), load("t1-to-fa-small", ["training.device=cuda:1"])
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    process = multiprocessing.current_process()
    before, devices = process.name, []
    try:
        for name in ("SpawnProcess-3", "SpawnProcess-4", "MainProcess"):
            process.name = name
            devices.append(trial.own_device(auto))
        process.name = "SpawnProcess-4"
        assert trial.own_device(fixed) is None
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        assert trial.own_device(auto) is None
    finally:
        process.name = before
    assert devices == ["cuda:1", "cuda:0", None]
