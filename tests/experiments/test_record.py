"""The record of how figures came about: the commit, the hardware, and spreads over seeds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from transmodal.experiments import record
from transmodal.experiments.record import hardware, spread


def test_no_commit_outside_a_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(record, "__file__", str(tmp_path / "record.py"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert record.commit() is None


def test_the_hardware_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert hardware()["device"] == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    assert hardware()["device"] == "a GPU"


def test_one_seed_has_no_spread() -> None:
    assert spread([2.0]) == (2.0, 0.0)
    assert spread([1.0, 3.0]) == (2.0, pytest.approx(2**0.5))
