"""Checkpoints of a session: none holds weights that are not finite, and none that rots loses the run."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from transmodal import checkpoint
from transmodal.checkpoint import OPTIMIZERS, WEIGHTS
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, IntegrityError, ResourceError
from transmodal.recipes.schema import Recipe
from transmodal.training import loop
from transmodal.training.train import train

Tiny = Callable[..., Recipe]


def test_weights_that_are_not_finite_are_not_saved(
    tiny: Tiny, cohort: Cohort, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = loop.step

    def poison(fabric: Any, translator: nn.Module, *words: Any, **named: Any) -> Any:  # noqa: ANN401
        terms = real(fabric, translator, *words, **named)  # type: ignore[arg-type]  # passed on
        with torch.no_grad():
            next(translator.parameters()).fill_(float("nan"))
        return terms

    monkeypatch.setattr(loop, "step", poison)
    with pytest.raises(InputError, match="is not finite after step 1") as caught:
        train(tiny(checkpoint_minutes=0), cohort, run_folder)
    assert caught.value.code == "E120"
    assert not (run_folder / "checkpoints" / "last").exists()


def rot(folder: Path) -> None:
    with (folder / WEIGHTS).open("r+b") as stream:
        stream.seek(-3, 2)
        byte = stream.read(1)[0]
        stream.seek(-3, 2)
        stream.write(bytes([byte ^ 0x10]))


def test_a_rotten_checkpoint_on_a_full_disk_does_not_lose_the_run(
    tiny: Tiny, cohort: Cohort, tmp_path: Path
) -> None:
    recipe = tiny(epochs=2, samples_per_epoch=8)
    whole, hurt = tmp_path / "whole", tmp_path / "hurt"
    train(recipe, cohort, whole)
    with pytest.MonkeyPatch.context() as patch:  # as a run that is killed in its second epoch
        patch.setattr(loop, "validate", fail_from(2))
        with pytest.raises(KeyboardInterrupt):
            train(tiny(epochs=2, samples_per_epoch=8, checkpoint_minutes=0), cohort, hurt)
    last = hurt / "checkpoints" / "last"
    rot(last)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "write_bytes", fill_up)
        for _ in range(2):
            with pytest.raises(ResourceError, match="No space left") as caught:
                train(recipe, cohort, hurt)
            assert caught.value.code == "E403"
    train(recipe, cohort, hurt)

    weights = [checkpoint.load(run / "checkpoints" / "last").weights for run in (whole, hurt)]
    assert all(weights[0][name].equal(weights[1][name]) for name in weights[0])


def fail_from(epoch: int) -> Callable[..., None]:
    def validate(session: Any, _phase: object) -> None:  # noqa: ANN401 - a session
        if session.state.epoch + 1 == epoch:
            raise KeyboardInterrupt

    return validate


def fill_up(path: Path, data: bytes) -> int:
    is_small = path.name != OPTIMIZERS  # there is room for a picture, and for the best checkpoint
    with path.open("wb") as stream:
        stream.write(data if is_small else data[: len(data) // 2])
    if is_small:
        return len(data)
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_finished_run_whose_last_checkpoint_is_rotten_says_so(
    tiny: Tiny, cohort: Cohort, run_folder: Path
) -> None:
    recipe = tiny(epochs=1, samples_per_epoch=8)
    train(recipe, cohort, run_folder)
    last = run_folder / "checkpoints" / "last"
    weights = {name: tensor.clone() for name, tensor in checkpoint.load(last).weights.items()}
    rot(last)

    with pytest.raises(IntegrityError, match="the run is finished, but") as caught:
        train(recipe, cohort, run_folder)
    assert caught.value.code == "E501"
    assert f"remove {last} and train again" in caught.value.remedy
    assert "the best checkpoint is whole" in caught.value.remedy

    shutil.rmtree(last)  # as advised
    assert not train(recipe, cohort, run_folder).was_finished
    again = checkpoint.load(last)
    assert again.state.finished
    assert all(again.weights[name].equal(weights[name]) for name in weights)
    assert train(recipe, cohort, run_folder).was_finished


def test_a_finished_run_of_which_nothing_is_whole_gives_no_advice_that_fails(
    tiny: Tiny, cohort: Cohort, run_folder: Path
) -> None:
    recipe = tiny(epochs=1, samples_per_epoch=8)
    train(recipe, cohort, run_folder)
    for folder in (run_folder / "checkpoints").iterdir():
        rot(folder)
    with pytest.raises(IntegrityError) as caught:
        train(recipe, cohort, run_folder)
    assert caught.value.remedy == (
        "Copy it again from where the run was stored, or train again in another folder."
    )
