"""A session: frozen networks and versions, recorded and held to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from transmodal import checkpoint
from transmodal.batch import Batch
from transmodal.cohorts.store import Cohort
from transmodal.data import resident
from transmodal.data.loader import Keys
from transmodal.data.resident import ResidentLoader
from transmodal.errors import IntegrityError
from transmodal.recipes.schema import Recipe
from transmodal.training import session
from transmodal.training.train import train
from transmodal.translators.unet_regression.translator import UNetRegression

Tiny = Callable[..., Recipe]


def last(run: Path) -> checkpoint.Checkpoint:
    return checkpoint.load(run / "checkpoints" / "last", optimizers=True)


def test_volumes_that_fit_the_device_are_cut_there_to_the_same_training(
    tiny: Tiny, cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut: list[int] = []
    own = ResidentLoader._cut

    def record(loader: ResidentLoader, keys: Keys) -> Batch:
        cut.append(len(keys))
        return own(loader, keys)

    monkeypatch.setattr(ResidentLoader, "_cut", record)
    changes = {"windows": {"axes": ["z"], "size": [32, 32], "fit": "keep"}}
    weights = {}
    for setting, room in (("off", 1 << 30), ("auto", 0), ("auto", 1 << 30)):
        monkeypatch.setattr(resident, "free_bytes", lambda device, room=room: room)
        run = tmp_path / f"{setting}-{room}"
        train(tiny(changes=changes, epochs=2, samples_per_epoch=8, resident=setting), cohort, run)
        weights[setting, room] = last(run).weights
        assert cut == ([] if (setting, room) != ("auto", 1 << 30) else [4] * 4)
    for name, tensor in weights["off", 1 << 30].items():
        assert tensor.equal(weights["auto", 0][name])
        torch.testing.assert_close(weights["auto", 1 << 30][name], tensor, rtol=0, atol=1e-3)


class Encoder:
    """A frozen network."""

    def __init__(self, digest: str) -> None:
        self.moved_to: torch.device | None = None
        self._digest = digest

    def check(self) -> None:
        pass

    def count(self) -> int:
        return 0

    def to(self, device: torch.device) -> Encoder:
        self.moved_to = device
        return self

    def digest(self) -> str:
        return self._digest


def test_frozen_networks_are_moved_recorded_and_held_to(
    tiny: Tiny, cohort: Cohort, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = Encoder("aa")
    monkeypatch.setattr(UNetRegression, "frozen", lambda self: {"sam": encoder})
    train(tiny(epochs=1, samples_per_epoch=4), cohort, run_folder)
    assert encoder.moved_to == torch.device("cpu")
    assert last(run_folder).frozen == {"sam": "aa"}

    unfinish(run_folder)
    monkeypatch.setattr(UNetRegression, "frozen", lambda self: {"sam": Encoder("bb")})
    with pytest.raises(IntegrityError, match="frozen network sam") as caught:
        train(tiny(epochs=1, samples_per_epoch=4), cohort, run_folder)
    assert caught.value.code == "E501"


def unfinish(run: Path) -> None:
    saved = last(run)
    state = saved.state.model_copy(update={"finished": False})
    values = {name: getattr(saved, name) for name in saved.__slots__}
    checkpoint.save(run / "checkpoints" / "last", checkpoint.Checkpoint(**{**values, "state": state}))


def test_other_versions_are_said(
    tiny: Tiny,
    cohort: Cohort,
    run_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    recipe = tiny(epochs=1, samples_per_epoch=4)
    train(recipe, cohort, run_folder)
    unfinish(run_folder)
    monkeypatch.setattr(session, "versions", lambda: {"torch": "9.9"})

    train(recipe, cohort, run_folder)

    assert "not to the very same numbers" in caplog.text
