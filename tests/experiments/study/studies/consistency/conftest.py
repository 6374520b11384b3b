"""Round heads of three tissues, and a run whose volumes follow a rule that a test names, by its own passes and fused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from phantoms import Images, Phantom, Place
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.evaluation.task import EvaluationTask
from transmodal.experiments.study.bench import Bench, CohortFiles, Entrant
from transmodal.experiments.study.studies.consistency import answer, put_in, steps
from transmodal.experiments.study.studies.consistency.answer import Options
from transmodal.experiments.study.units import WorkUnits
from transmodal.volumes import Volume

Rule = Callable[[Volume, int], NDArray[np.floating]]
"""Makes the voxels of a synthetic volume from the target and the number of the case."""
BenchOf = Callable[..., Bench[Options]]


@dataclass(frozen=True)
class TissuePhantom(Phantom):
    """A ball of three tissues: T1 tells the first from the others, T2 the second from the third."""

    shape = (20, 20, 20)
    spacing_mm = (2.0, 2.0, 2.0)

    def images(self, place: Place) -> Images:
        ball = place.i**2 + place.j**2 + place.k**2 < 0.8
        rng = np.random.default_rng(self.number)
        wave = np.sin(4 * place.i + self.number) + np.sin(4 * place.j) + np.sin(4 * place.k - self.number)
        patches = ndimage.gaussian_filter(rng.standard_normal(ball.shape), 1.5) > 0
        labels = np.where(ball, np.where(wave > 0, 1, np.where(patches, 2, 3)), 0)
        noise = rng.normal(0, 0.15, (2, *ball.shape))
        t1 = np.where(ball, np.choose(labels, [0, 1, 2, 2]) + noise[0], 0)
        t2 = np.where(ball, np.choose(labels, [0, 1, 1, 2]) + noise[1], 0)
        images = {"t1": (100 * t1).astype(np.float32), "t2": (100 * t2).astype(np.float32)}
        return Images(images, ball.astype(np.uint8), labels.astype(np.uint8))


@pytest.fixture(scope="session")
def balls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a prepared cohort of eleven phantoms, eight of which are to be tested on."""
    folder = tmp_path_factory.mktemp("balls") / "cohort"
    prepare([TissuePhantom(n) for n in range(11)], folder, PrepareOptions(counts=(2, 1, 8)))
    return folder


@pytest.fixture
def bench_of(balls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BenchOf:
    """Return a function that makes a bench with one run, `unet`, that makes T2 by one rule, and fused by another."""
    store = Cohort.open(balls)

    def make(
        rule: Rule,
        fused: Rule | None = None,
        kind: str = "slice",
        calls: list[str] | None = None,
        **options: object,
    ) -> Bench[Options]:
        recipe = SimpleNamespace(
            training=SimpleNamespace(seed=1),
            windows=SimpleNamespace(axes=("z",), kind=kind),
            translation=SimpleNamespace(axes=None),
            task=SimpleNamespace(source=("t1",), target="t2"),
        )
        entrant = Entrant("unet", tmp_path / "unet", cast("Any", recipe), "weights")

        def evaluation(folder: Path, own: Rule) -> SimpleNamespace:
            def synthetic(name: str, case: Any) -> Volume:  # noqa: ANN401  # a case of either kind
                if calls is not None:
                    calls.append(f"{folder.name} {name} {case.id}")
                target = case.volume("t2")
                made = own(target, int(case.id.removeprefix("case")))
                return target.with_voxels(np.asarray(made, np.float32))

            return SimpleNamespace(
                folder=folder,
                names=("unet",),
                task=EvaluationTask(("t1",), "t2", 300.0, "balls", "d" * 64, "test"),
                cases=lambda: store.cases("test"),
                target=lambda case: case.volume("t2"),
                synthetic=synthetic,
            )

        places = {
            "own": evaluation(tmp_path / "own", rule),
            "fused": evaluation(tmp_path / "fused", fused or rule),
        }

        def score_entrants(
            _: object, entrants: Sequence[Entrant], scoring: object = None, *, stage: str = "own"
        ) -> dict[str, SimpleNamespace]:
            return {run.label: places[stage.split()[0]] for run in entrants}

        monkeypatch.setattr(answer, "score_entrants", score_entrants)
        for module in (steps, put_in):
            monkeypatch.setattr(module, "read_scored", lambda folder, _: places[folder.name])
        return Bench(
            store,
            tmp_path,
            (entrant,),
            (),
            (),
            (1,),
            "test",
            CohortFiles(),
            Options.model_validate(options),
            None,
            WorkUnits(tmp_path),
        )

    return make
