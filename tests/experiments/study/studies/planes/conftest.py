"""Runs whose planes follow a rule that a test names, on phantoms with anatomy of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from phantoms import Images, Phantom, Place
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.evaluation.task import EvaluationTask
from transmodal.experiments.study.bench import Bench, CohortFiles, Entrant
from transmodal.experiments.study.studies._base import StudyOptions
from transmodal.experiments.study.studies.planes import answer, passes
from transmodal.experiments.study.units import WorkUnits
from transmodal.volumes import Volume

Voxels = NDArray[np.floating]
Rule = Callable[[Volume, str, int], Voxels]
"""Makes the voxels of a plane from the target, the plane and the number of the case."""
BenchOf = Callable[..., Bench[StudyOptions]]


@dataclass(frozen=True)
class RoundPhantom(Phantom):
    """A head with an even inside, so that its edges lie at its rim."""

    shape = (18, 17, 16)

    def images(self, place: Place) -> Images:
        head = place.head()
        t1 = np.where(head, 600 + 100 * np.sin(3 * place.i + self.number), 5)
        fa = np.where(head, 0.5 + 0.01 * self.number, 0.1)
        images = {"t1": t1.astype(np.float32), "fa": fa.astype(np.float32)}
        return Images(images, head.astype(np.uint8), head.astype(np.uint8))


@pytest.fixture(scope="session")
def round_heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a prepared cohort of eleven phantoms, eight of which are to be tested on."""
    folder = tmp_path_factory.mktemp("round") / "cohort"
    prepare([RoundPhantom(n) for n in range(11)], folder, PrepareOptions(counts=(2, 1, 8)))
    return folder


@pytest.fixture
def bench_of(round_heads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BenchOf:
    """Return a function that makes a bench with one run, `unet`, whose planes follow a rule; it fuses by the mean."""
    store = Cohort.open(round_heads)

    def make(
        rule: Rule, kind: str = "slice", calls: list[tuple[str, ...]] | None = None, *, is_told: bool = False
    ) -> Bench[StudyOptions]:
        recipe = SimpleNamespace(
            training=SimpleNamespace(seed=1),
            windows=SimpleNamespace(axes=("z",), kind=kind, plane_channels=is_told),
            task=SimpleNamespace(source=("t1",), target="fa"),
            translator="unet_regression",
        )
        entrant = Entrant("unet", tmp_path / "unet", cast("Any", recipe), "weights")
        scored = SimpleNamespace(
            folder=entrant.folder,
            task=EvaluationTask(("t1",), "fa", 1.0, "round", "d" * 64, "test"),
            cases=lambda: store.cases("test"),
            target=lambda case: case.volume("fa"),
        )
        monkeypatch.setattr(answer, "score_entrants", lambda *_, **__: {entrant.label: scored})
        monkeypatch.setattr(passes, "read_scored", lambda *_: scored)
        monkeypatch.setattr(passes, "load", lambda *_, **__: SimpleNamespace(translate=translate))

        def translate(sources: Mapping[str, Volume], axes: tuple[str, ...], gate: str) -> SimpleNamespace:
            if calls is not None:
                calls.append((*axes, gate))
            case = next(
                c for c in store.cases("test") if np.array_equal(c.volume("t1").voxels, sources["t1"].voxels)
            )
            target, number = case.volume("fa"), int(case.id.removeprefix("case"))
            planes = np.stack([rule(target, plane, number) for plane in axes])
            spread = target.with_voxels(planes.std(axis=0).astype(np.float32)) if len(axes) > 1 else None
            return SimpleNamespace(
                volume=target.with_voxels(planes.mean(axis=0).astype(np.float32)), disagreement=spread
            )

        return Bench(
            store,
            tmp_path,
            (entrant,),
            (),
            (),
            (1,),
            "test",
            CohortFiles(),
            StudyOptions(),
            None,
            WorkUnits(tmp_path),
        )

    return make
