"""Evaluations that stand in for real ones: their synthetic volumes follow a rule that a test names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from phantoms import Images, Phantom, Place
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.experiments.study.bench import Bench, CohortFiles, Entrant
from transmodal.experiments.study.studies._base import StudyOptions
from transmodal.experiments.study.studies.spectrum import answer, spectra
from transmodal.experiments.study.units import WorkUnits
from transmodal.volumes import Volume

Rule = Callable[[Volume, int], Volume]
"""Makes a synthetic volume from the target and the number of the case."""
BenchOf = Callable[[Rule], Bench[StudyOptions]]


@dataclass(frozen=True)
class TexturedPhantom(Phantom):
    """A head with as much detail at high frequencies as at low ones, which is the person's own."""

    shape = (40, 38, 8)

    def images(self, place: Place) -> Images:
        head, rng = place.head(), np.random.default_rng(1000 + self.number)
        texture = rng.standard_normal(head.shape)
        t1 = np.where(head, 900 + 100 * texture + 50 * rng.standard_normal(head.shape), 5)
        fa = np.where(head, 0.5 + 0.05 * texture, 0)
        images = {"t1": t1.astype(np.float32), "fa": fa.astype(np.float32)}
        return Images(images, head.astype(np.uint8), head.astype(np.uint8))


@pytest.fixture(scope="session")
def textured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a prepared cohort of nine phantoms, six of which are to be tested on."""
    folder = tmp_path_factory.mktemp("textured") / "cohort"
    prepare([TexturedPhantom(n) for n in range(9)], folder, PrepareOptions(counts=(2, 1, 6)))
    return folder


@pytest.fixture
def bench_of(textured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BenchOf:
    """Return a function that makes a bench with one run, `unet`, that translates by a rule."""
    store = Cohort.open(textured)

    def make(rule: Rule) -> Bench[StudyOptions]:
        recipe = cast("Any", SimpleNamespace(training=SimpleNamespace(seed=1)))
        entrant = Entrant("unet", tmp_path / "unet", recipe, "weights")
        scored = SimpleNamespace(
            folder=entrant.folder,
            task=SimpleNamespace(sources=("t1",)),
            cases=lambda: store.cases("test"),
            target=lambda case: case.volume("fa"),
            synthetic=lambda _, case: rule(case.volume("fa"), int(case.id.removeprefix("case"))),
        )
        monkeypatch.setattr(answer, "score_entrants", lambda *_, **__: {entrant.label: scored})
        monkeypatch.setattr(spectra, "read_scored", lambda *_: scored)
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
