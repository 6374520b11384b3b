"""Cohorts of phantoms, on which intervals of a network that has learned nothing are as true as any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from phantoms import Images, Phantom, Place
from small_models import model
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.experiments.study.bench import Bench, CohortFiles, Entrant
from transmodal.experiments.study.studies.coverage import measure
from transmodal.experiments.study.studies.coverage.answer import CoverageOptions
from transmodal.experiments.study.units import WorkUnits
from transmodal.inference.model import Model

BenchOf = Callable[..., Bench[CoverageOptions]]


@dataclass(frozen=True)
class OwnPhantom(Phantom):
    """A head with two labelled halves, whose FA differs between people; at another site it may lie higher."""

    gain: float = 0.0
    shape = (12, 11, 8)

    def images(self, place: Place) -> Images:
        head, draw = place.head(), np.random.default_rng(self.number)
        own = draw.normal(0, 0.02) + 0.08 * draw.standard_normal(self.shape)
        t1 = np.where(head, 600 + 100 * np.sin(3 * place.i + self.number), 5)
        fa = np.clip(0.45 + own + self.gain, 0, 1)
        labels = np.where(head, np.where(place.i < 0.1, 1, 2), 0)
        images = {"t1": t1.astype(np.float32), "fa": fa.astype(np.float32)}
        return Images(images, head.astype(np.uint8), labels.astype(np.uint8))


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cohort with 14 validation and 10 test subjects."""
    folder = tmp_path_factory.mktemp("home") / "cohort"
    prepare([OwnPhantom(n) for n in range(25)], folder, PrepareOptions(counts=(1, 14, 10)))
    return folder


@pytest.fixture(scope="session")
def alike(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cohort of eight others of the same kind."""
    folder = tmp_path_factory.mktemp("alike") / "cohort"
    prepare([OwnPhantom(n) for n in range(100, 108)], folder, PrepareOptions(counts=(1, 1, 6)))
    return folder


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cohort of eight whose FA lies higher, which no source shows."""
    folder = tmp_path_factory.mktemp("elsewhere") / "cohort"
    prepare([OwnPhantom(n, gain=0.5) for n in range(100, 108)], folder, PrepareOptions(counts=(1, 1, 6)))
    return folder


def untrained(seed: int) -> Model:
    """Return a run that answers near the middle of FA, another a little off for each seed."""
    torch.manual_seed(seed)
    made = model({"axes": ["z"]})
    made.translator.eval()
    return replace(made, digest=f"{seed}" * 64)


@pytest.fixture
def bench_of(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BenchOf:
    """Return a function that makes a bench of untrained runs that differ in their seeds."""
    monkeypatch.setattr(measure, "load", lambda run, **_: untrained(int(run.name)))

    def make(site: Path | str = "", seeds: tuple[int, ...] = (1,), **changes: Any) -> Bench[CoverageOptions]:  # noqa: ANN401
        recipes = [SimpleNamespace(training=SimpleNamespace(seed=seed)) for seed in seeds]
        entrants = tuple(
            Entrant("unet", Path(str(seed)), cast("Any", recipe), f"weights {seed}")
            for seed, recipe in zip(seeds, recipes, strict=True)
        )
        options = CoverageOptions(site=str(site), **changes.pop("options", {"levels": (0.8, 0.9)}))
        settings: dict[str, Any] = {"split": "test", "material": CohortFiles(), **changes}
        return Bench(
            Cohort.open(home),
            tmp_path,
            entrants,
            (),
            (),
            seeds,
            settings["split"],
            settings["material"],
            options,
            "cpu",
            WorkUnits(tmp_path / "study"),
        )

    return make
