"""Whatever fails at whichever step of a save, a generation that verifies stays, and the next save works."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from transmodal import checkpoint
from transmodal.checkpoint import WEIGHTS, Checkpoint
from transmodal.errors import ResourceError
from transmodal.storage import durable


class Killed(BaseException):
    """The process is gone: nothing after this runs, no clearing up either."""


class Faults:
    """Calls that write, sync, make or rename, of which the k-th fails; `kind` says what comes after it."""

    def __init__(self, patch: pytest.MonkeyPatch, kind: str, step: int) -> None:
        self.kind, self.step, self.calls = kind, step, 0
        for module, name in (
            (os, "fsync"), (os, "replace"), (os, "rename"), (os, "link"), (os, "mkdir"), (os, "chmod"),
            (shutil, "rmtree"), (Path, "write_bytes"),
        ):  # fmt: skip
            patch.setattr(module, name, self.failing(name, getattr(module, name)))
        exchange = durable._exchange

        def fail_quietly(first: Path, second: Path) -> bool:
            return not self.is_failing() and exchange(first, second)

        patch.setattr(durable, "_exchange", fail_quietly)

    def is_failing(self) -> bool:
        self.calls += 1
        if self.kind == "killed" and self.calls >= self.step:
            raise Killed
        return self.calls == self.step or (self.kind == "full" and self.calls > self.step)

    def failing(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def attempt(*words: Any, **named: Any) -> Any:  # noqa: ANN401 - as the call
            if name == "rmtree":  # removing works on a full disk, but not once the process is gone
                if self.kind == "killed" and self.calls >= self.step:
                    raise Killed
                return call(*words, **named)
            if name == "write_bytes":
                try:
                    is_failing = self.is_failing()
                except Killed:
                    call(words[0], words[1][: len(words[1]) // 2])
                    raise
                if not is_failing:
                    return call(*words, **named)
                call(words[0], words[1][: len(words[1]) // 2])
            elif not self.is_failing():
                return call(*words, **named)
            raise OSError(errno.ENOSPC, "No space left on device")

        return attempt


def at_step(whole: Checkpoint, step: int) -> Checkpoint:
    return replace(whole, state=whole.state.model_copy(update={"step": step}))


def rot(folder: Path) -> None:
    """Flip a byte as a disk does: in a file's own bytes, and so in all that are linked to it."""
    with (folder / WEIGHTS).open("r+b") as stream:
        stream.seek(-3, os.SEEK_END)
        stream.write(b"\x5a")


def start(folder: Path, whole: Checkpoint, generations: int, *, is_rotten: bool) -> None:
    for step in range(1, generations + 1):
        checkpoint.save(folder, at_step(whole, step), keep_previous=True)
    if is_rotten:
        rot(folder)


def is_saved(folder: Path, content: Checkpoint) -> bool:
    try:
        checkpoint.save(folder, content, keep_previous=True)
    except (ResourceError, Killed):
        return False
    return True


@pytest.mark.parametrize("has_exchange", [True, False])
@pytest.mark.parametrize("kind", ["once", "full", "killed"])
@pytest.mark.parametrize(("generations", "is_rotten"), [(1, False), (2, False), (2, True)])
def test_no_step_of_a_save_can_lose_a_run(
    whole: Checkpoint, tmp_path: Path, generations: int, is_rotten: bool, kind: str, has_exchange: bool
) -> None:
    step = n_failed = 0
    has_failed = True
    while has_failed:
        step += 1
        folder = tmp_path / str(step) / "last"
        start(folder, whole, generations, is_rotten=is_rotten)
        with pytest.MonkeyPatch.context() as patch:
            if not has_exchange:
                patch.setattr(durable, "_exchange", lambda first, second: False)
            faults = Faults(patch, kind, step)
            n_failed += not is_saved(folder, at_step(whole, 9))
            has_failed = faults.calls >= step
        durable.recover(folder.parent)
        back = checkpoint.load(folder, optimizers=True)
        assert back.state.step in {generations - is_rotten, generations, 9} - ({2} if is_rotten else set())
        checkpoint.save(folder, at_step(whole, 10), keep_previous=True)
        assert checkpoint.load(folder).state.step == 10
        assert checkpoint.load(checkpoint.previous(folder)).state.step == back.state.step
        assert {path.name for path in folder.parent.iterdir()} == {"last", "last.previous"}
    assert n_failed > 8


def test_what_did_not_verify_is_never_kept(whole: Checkpoint, tmp_path: Path) -> None:
    folder = tmp_path / "last"
    start(folder, whole, 2, is_rotten=True)

    checkpoint.save(folder, at_step(whole, 3), keep_previous=True)

    assert checkpoint.load(folder).state.step == 3
    assert checkpoint.load(checkpoint.previous(folder)).state.step == 1
