"""Learning with pairs and without at once: the same batches however often training is interrupted, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from phantoms import Images, Phantom, Place
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.recipes.load import validate
from transmodal.recipes.schema import Recipe
from transmodal.training.train import train

WEIGHTS = "checkpoints/last/weights.safetensors"


@dataclass(frozen=True)
class LonelyPhantom(Phantom):
    """The first two have T1 alone, the next one FA alone, the others both."""

    def images(self, place: Place) -> Images:
        volumes, mask, labels = super().images(place)
        kept = {0: ("t1",), 1: ("t1",), 2: ("fa",)}.get(self.number, ("t1", "fa"))
        return Images({name: volumes[name] for name in kept}, mask, labels)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    folder = tmp_path_factory.mktemp("half") / "cohort"
    return prepare([LonelyPhantom(n) for n in range(6)], folder, PrepareOptions(counts=(6, 0, 0)))


def recipe_of(**training: Any) -> Recipe:  # noqa: ANN401
    return validate(
        {
            "name": "half",
            "translator": "cyclegan",
            "task": {"source": ["t1"], "target": "fa"},
            "windows": {"axes": ["z"]},
            "settings": {
                "width": 2,
                "blocks": 1,
                "discriminator_layers": 1,
                "pool": 3,
                "paired_weight": 10.0,
            },
            "training": {
                "epochs": 2,
                "batch": 4,
                "device": "cpu",
                "log_every": 1,
                "augment": {"flip_lr": True},
                "paired_patients": 2,
                "checkpoint_minutes": 0,
                **training,
            },
        },
        "half",
    )


class Stumble:
    """Progress that fails after a step."""

    def __init__(self, at: int) -> None:
        self._at = at

    def advance(self, what: str, done: int, total: int, note: str = "") -> None:
        if what == "train" and done == self._at:
            raise RuntimeError("bang")

    def say(self, line: str) -> None:
        """Say nothing."""


def content(run: Path) -> dict[str, bytes]:
    return {name: (run / name).read_bytes() for name in (WEIGHTS, "curves.csv")}


def test_interrupted_twice_and_cut_by_workers_it_gives_the_same_bytes(cohort: Cohort, tmp_path: Path) -> None:
    train(recipe_of(), cohort, tmp_path / "whole")
    for at in (3, 15):
        with pytest.raises(RuntimeError, match="bang"):
            train(recipe_of(workers=2), cohort, tmp_path / "parts", progress=Stumble(at))
    train(recipe_of(workers=2), cohort, tmp_path / "parts")
    assert content(tmp_path / "parts") == content(tmp_path / "whole")
    curves = content(tmp_path / "whole")["curves.csv"].decode()
    assert "generators/paired," in curves
    assert "generators/paired_back," in curves


def test_who_is_told_changes_what_is_learned(cohort: Cohort, tmp_path: Path) -> None:
    for n in (1, 2):
        train(recipe_of(epochs=1, paired_patients=n), cohort, tmp_path / str(n))
    assert content(tmp_path / "1") != content(tmp_path / "2")
