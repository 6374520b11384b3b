"""Phantoms with two sources, a run of both and a run of the first, and benches with translators put in their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from phantoms import Images, Phantom, Place
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.experiments.study.bench import Bench, CohortFiles
from transmodal.experiments.study.entrants import plan_trials, read_entrants, train_entrants
from transmodal.experiments.study.studies.misalignment import moved
from transmodal.experiments.study.studies.misalignment.answer import Options
from transmodal.experiments.study.units import WorkUnits
from transmodal.volumes import Volume

BenchOf = Callable[..., Bench[Options]]
Voxels = NDArray[np.floating]
Plant = Callable[[Callable[[Mapping[str, Volume]], Voxels]], list[str]]
RECIPE = """
name: {name}
translator: unet_regression
task: {{source: [{sources}], target: fa}}
windows: {{kind: slice, axes: [z]}}
settings: {{width: 4, levels: 2}}
training: {{epochs: 1, batch: 2, samples_per_epoch: 2, device: cpu, players: {{generator: {{lr: 0.01}}}}}}
"""


@dataclass(frozen=True)
class TwoSourcePhantom(Phantom):
    """A head whose FA is read from both sources alike."""

    shape = (20, 19, 18)

    def images(self, place: Place) -> Images:
        head, phase = place.head(), np.random.default_rng(self.number).uniform(0, 6)
        first, second = np.sin(4 * place.j + phase), np.sin(5 * place.i - phase)
        t1 = np.where(head, 500 + 100 * first, 0)
        t2 = np.where(head, 500 + 100 * second, 0)
        fa = np.where(head, 0.5 + 0.1 * first + 0.1 * second, 0)
        arrays = {"t1": t1, "t2": t2, "fa": fa}
        return Images(
            {name: array.astype(np.float32) for name, array in arrays.items()}, head.astype(np.uint8)
        )


@pytest.fixture(scope="session")
def two_sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a prepared cohort with two sources, six cases of which are to be tested on."""
    folder = tmp_path_factory.mktemp("two") / "cohort"
    prepare([TwoSourcePhantom(n) for n in range(9)], folder, PrepareOptions(counts=(2, 1, 6)))
    return folder


@pytest.fixture(scope="session")
def runs(two_sources: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the folders of a run of `both` sources and of one `alone`."""
    folder, trained = tmp_path_factory.mktemp("moved"), {}
    for name, sources in (("both", "t1, t2"), ("alone", "t1")):
        (folder / f"{name}.yaml").write_text(RECIPE.format(name=name, sources=sources))
        trials = plan_trials([str(folder / f"{name}.yaml")], [], [1], two_sources, folder / "runs")
        trained[name] = next(iter(train_entrants(trials, Cohort.open(two_sources)).values()))
    return trained


@pytest.fixture
def bench_of(two_sources: Path, runs: dict[str, Path], tmp_path: Path) -> BenchOf:
    """Return a function that makes a bench with a run and options of the study."""

    def make(name: str, **options: object) -> Bench[Options]:
        return Bench(
            Cohort.open(two_sources),
            tmp_path,
            read_entrants([runs[name]]),
            (),
            (),
            (1,),
            "test",
            CohortFiles(),
            Options.model_validate({"steps": (0.5, 2), "cases": 6, **options}),
            "cpu",
            WorkUnits(tmp_path),
        )

    return make


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Plant:
    """Return a function that puts a function of sources, which returns voxels, in a run's place; it lists the calls."""

    def put(translate: Callable[[Mapping[str, Volume]], Voxels]) -> list[str]:
        calls: list[str] = []

        def model_of(folder: Path, device: str | None) -> SimpleNamespace:
            def make(sources: Mapping[str, Volume], gate: str) -> SimpleNamespace:
                calls.append(gate)
                first = next(iter(sources.values()))
                return SimpleNamespace(volume=first.with_voxels(translate(sources).astype(np.float32)))

            return SimpleNamespace(translate=make)

        monkeypatch.setattr(moved, "load", model_of)
        return calls

    return put
