"""Weights & Biases itself, offline: what its files hold after two starts, and what they do not hold."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from transmodal.checkpoint import CohortMark
from transmodal.recipes.schema import Recipe
from transmodal.training.log import Curves, read
from transmodal.training.loggers import follower
from transmodal.training.loggers.follower import LoggerFollower
from transmodal.training.loggers.logged_run import RunFacts

wandb = pytest.importorskip("wandb", reason="needs pip install 'transmodal[wandb]'")

Tiny = Callable[..., Recipe]
BLOCK, HEAD = 32768, struct.Struct("<IHB")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "PATIENCE_SECONDS", 600.0)  # also on a machine that is busy
    for name in ("WANDB_MODE", "WANDB_PROJECT", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def records(path: Path) -> Iterator[Any]:
    """Yield the records of an offline run: a log of blocks, as LevelDB has them, of which each holds a message."""
    from wandb.proto.wandb_internal_pb2 import Record

    raw, place, whole = path.read_bytes(), 7, b""
    while place + HEAD.size <= len(raw):
        if BLOCK - place % BLOCK < HEAD.size:
            place += BLOCK - place % BLOCK
            continue
        _, size, kind = HEAD.unpack_from(raw, place)
        place += HEAD.size
        whole += raw[place : place + size]
        place += size
        if kind in (1, 4):  # whole, or the last part
            yield Record.FromString(whole)
            whole = b""


def follow(folder: Path, tiny: Tiny) -> LoggerFollower:
    return LoggerFollower("wandb", RunFacts("one", folder, tiny(), CohortMark("phantoms", "ab12")))


def test_two_starts_are_one_run_and_stay_on_this_machine(tmp_path: Path, tiny: Tiny) -> None:
    for n_before, last in ((0, 5), (3, 8)):
        with Curves(
            tmp_path / "curves.csv", None, n_before, followers=[follow(tmp_path / "loggers", tiny)]
        ) as curves:
            for step in range(n_before + 1, last + 1):
                curves.add(step, "train", 1, {"loss/l1": step / 3, "lr/g": 1e-4})
            curves.is_stopped = last == 5

    wandb.teardown()  # as at the end of a process: what its own process has yet to write is written
    stored = sorted((tmp_path / "loggers" / "wandb").glob("offline-run-*/*.wandb"))
    content = [list(records(path)) for path in stored]
    runs = [one.run for records_ in content for one in records_ if one.WhichOneof("record_type") == "run"]
    assert len({run.run_id for run in runs}) == 1
    assert {run.project for run in runs} == {"transmodal"}
    assert "training.batch" in {update.key for update in runs[0].config.update}
    assert [one.exit.exit_code for records_ in content for one in records_ if one.HasField("exit")] == [
        130,
        0,
    ]

    history = [one.history for records_ in content for one in records_ if one.HasField("history")]
    items = [{"/".join(one.nested_key): json.loads(one.value_json) for one in row.item} for row in history]
    assert [(row["step"], row["loss/l1"]) for row in items] == [(step, step / 3) for step in range(1, 9)]
    assert [row["_step"] for row in items] == sorted({row["_step"] for row in items})
    assert len(read(tmp_path / "curves.csv")) == 16
    assert {run.host for run in runs} == {""}
    assert not [one for records_ in content for one in records_ if one.HasField("environment")]
    assert not [
        path for run in stored for path in (run.parent / "files").iterdir()
    ]  # no code, packages or machine


def test_a_mode_that_cannot_be_does_not_end_the_training(
    tmp_path: Path, tiny: Tiny, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WANDB_MODE", "sideways")
    with Curves(tmp_path / "curves.csv", None, 0, followers=[follow(tmp_path / "loggers", tiny)]) as curves:
        for step in range(1, 9):
            curves.add(step, "train", 1, {"loss": 0.5})
    assert caplog.text.count("wandb takes no more curves") == 1
    assert len(read(tmp_path / "curves.csv")) == 8
