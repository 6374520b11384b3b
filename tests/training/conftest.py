from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from phantoms import Images, Phantom, Place
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.recipes.load import validate
from transmodal.recipes.schema import Recipe

SHAPE = (14, 17, 10)


@dataclass(frozen=True)
class TrainingPhantom(Phantom):
    """A case of blobs: the target is a function of the source and of where it is."""

    modalities: tuple[str, ...] = ("t1", "fa", "t2")
    with_mask: bool = True
    colour: bool = False

    def images(self, place: Place) -> Images:
        volumes, mask, _ = super().images(place)
        t1 = volumes["t1"]
        values = {**volumes, "t2": 1200 - t1}
        chosen = {name: values[name] for name in self.modalities}
        if self.colour:
            chosen["colour"] = np.stack([np.clip(t1 / 4, 0, 255)] * 3, axis=-1).astype(np.uint8)
        return Images(chosen, mask if self.with_mask else None)


@pytest.fixture(scope="session")
def phantom() -> type[TrainingPhantom]:
    return TrainingPhantom


@pytest.fixture(scope="session")
def make_cohort(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Cohort]:
    def make(cases: Sequence[TrainingPhantom], counts: tuple[int, int, int] = (3, 2, 1)) -> Cohort:
        return prepare(cases, tmp_path_factory.mktemp("cohort"), PrepareOptions(counts=counts))

    return make


@pytest.fixture(scope="session")
def cohort(make_cohort: Callable[..., Cohort]) -> Cohort:
    return make_cohort([TrainingPhantom(n) for n in range(6)])


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Tiny networks are slower on several threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "one"


SETTINGS: dict[str, dict[str, Any]] = {
    "unet_regression": {"width": 2, "levels": 2},
    "pix2pix": {"width": 2, "levels": 3, "discriminator_layers": 1},
}


def tiny_recipe(
    translator: str = "unet_regression",
    *,
    changes: Mapping[str, Any] | None = None,
    **training: Any,  # noqa: ANN401
) -> Recipe:
    """Return a small recipe; `changes` by section, keywords within `training`."""
    settings = {"epochs": 2, "batch": 4, "device": "cpu", "log_every": 3, **training}
    data = {
        "name": "tiny",
        "translator": translator,
        "task": {"source": ["t1"], "target": "fa"},
        "windows": {"axes": ["z", "x"]},
        "settings": SETTINGS.get(translator, {}),
        "training": settings,
        **(changes or {}),
    }
    return validate(data, "tiny")


@pytest.fixture(scope="session")
def tiny() -> Callable[..., Recipe]:
    return tiny_recipe
