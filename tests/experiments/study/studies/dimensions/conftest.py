"""A run of slices and a run of patches whose errors follow a rule that a test names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from phantoms import Phantom
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.evaluation.task import EvaluationTask
from transmodal.experiments.study.bench import Bench, CohortFiles, Entrant
from transmodal.experiments.study.studies._base import StudyOptions
from transmodal.experiments.study.studies.dimensions import answer, forms
from transmodal.experiments.study.units import WorkUnits
from transmodal.volumes import Volume

Voxels = NDArray[np.floating]
Rule = Callable[[Volume, str, int], Voxels]
"""Makes the voxels of a form from the target, `z`, `xyz` or `patch`, and the number of the case."""
BenchOf = Callable[..., Bench[StudyOptions]]


@pytest.fixture(scope="session")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a prepared cohort of eleven phantoms, eight of which are to be tested on."""
    folder = tmp_path_factory.mktemp("forms") / "cohort"
    prepare([Phantom(n) for n in range(11)], folder, PrepareOptions(counts=(2, 1, 8)))
    return folder


@pytest.fixture
def bench_of(heads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BenchOf:
    """Return a function that makes a bench with runs of some kinds of windows, whose forms follow a rule."""
    store = Cohort.open(heads)

    def make(rule: Rule, kinds: tuple[str, ...] = ("slice", "patch")) -> Bench[StudyOptions]:
        entrants = tuple(_entrant(kind, tmp_path) for kind in kinds)
        scored = SimpleNamespace(
            folder=tmp_path,
            task=EvaluationTask(("t1",), "fa", 1.0, "forms", "d" * 64, "test"),
            cases=lambda: store.cases("test"),
            target=lambda case: case.volume("fa"),
        )

        def score(_: object, chosen: tuple[Entrant, ...]) -> dict[str, Any]:
            return {entrant.label: scored for entrant in chosen}

        def load(folder: Path, device: str | None) -> SimpleNamespace:
            return SimpleNamespace(with_axes=lambda axes: _model(store, rule, axes))

        monkeypatch.setattr(answer, "score_entrants", score)
        monkeypatch.setattr(
            answer, "count_parameters", lambda entrant: 4000 if "patch" in entrant.row else 1000
        )
        monkeypatch.setattr(forms, "read_scored", lambda *_: scored)
        monkeypatch.setattr(forms, "load", load)
        return Bench(
            store,
            tmp_path,
            entrants,
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


def _entrant(kind: str, folder: Path) -> Entrant:
    recipe = SimpleNamespace(
        translator="unet",
        training=SimpleNamespace(seed=1),
        windows=SimpleNamespace(kind=kind),
        task=SimpleNamespace(source=("t1",), target="fa"),
    )
    return Entrant(f"unet ({kind})", folder / kind, cast("Any", recipe), f"weights of {kind}")


def _model(store: Cohort, rule: Rule, axes: tuple[str, ...] | None) -> SimpleNamespace:
    def translate(sources: Mapping[str, Volume], gate: str) -> SimpleNamespace:
        case = next(
            c for c in store.cases("test") if np.array_equal(c.volume("t1").voxels, sources["t1"].voxels)
        )
        target, number = case.volume("fa"), int(case.id.removeprefix("case"))
        voxels = rule(target, "".join(axes or ("patch",)), number)
        return SimpleNamespace(volume=target.with_voxels(voxels.astype(np.float32)))

    return SimpleNamespace(translate=translate, estimate=lambda _: SimpleNamespace(more=3_000_000))
