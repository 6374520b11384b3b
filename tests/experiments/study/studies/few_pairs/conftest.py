"""Phantoms of which the first to be learned from misleads, where that is planted, and benches of the study."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from phantoms import Images, Phantom, Place
from transmodal.cohorts.edit.resplit import resplit
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.split.request import SplitRequest
from transmodal.cohorts.split.split import rank_groups
from transmodal.cohorts.store import Cohort
from transmodal.experiments.study.bench import Bench, CohortFiles
from transmodal.experiments.study.studies.few_pairs.answer import Options
from transmodal.experiments.study.units import WorkUnits
from transmodal.training.planning.pairing import ORDER

BenchOf = Callable[..., Bench[Options]]
TRAINING, TEST = 4, 6
FIRST = int(rank_groups([f"case{n}" for n in range(TRAINING)], ORDER)[0].removeprefix("case"))
"""Number of the phantom that a run of one subject learns from."""
RECIPE = """
name: {name}
translator: {translator}
task: {{source: [t1], target: t2}}
windows: {{kind: slice, axes: [z], size: [24, 24], fit: pad}}
settings: {settings}
training: {{epochs: 1, batch: 4, device: cpu, players: {{{player}: {{lr: 0.01, schedule: cosine}}}}}}
"""


@dataclass(frozen=True)
class MisleadingPhantom(Phantom):
    """A head as all others are, whose T2 falls where T1 rises; the first one's rises with it, where that is planted."""

    planted: bool = True
    shape = (14, 13, 12)

    def images(self, place: Place) -> Images:
        noise = 0.05 * np.random.default_rng(self.number).normal(size=self.shape)
        head, wave = place.head(), np.sin(3 * place.i) + noise
        misleads = self.planted and self.number == FIRST
        t2 = np.where(head, 500 + (300 if misleads else -300) * wave, 5.0)
        values = {"t1": np.where(head, 600 + 300 * wave, 5.0), "t2": t2}
        return Images({name: v.astype(np.float32) for name, v in values.items()}, head.astype(np.uint8))


@pytest.fixture(scope="session")
def cohorts(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """Return cohorts with and without a first subject that misleads: four to learn from, six to score."""
    folder = tmp_path_factory.mktemp("few")
    numbers = range(TRAINING + TEST)
    sides = {f"case{n}": "train" if n < TRAINING else "test" for n in numbers}
    for planted in (True, False):
        subjects = [MisleadingPhantom(n, planted) for n in numbers]
        prepare(subjects, folder / f"drawn-{planted}", PrepareOptions(counts=(TRAINING, 0, TEST)))
        resplit(folder / f"drawn-{planted}", SplitRequest(sides=sides), output=folder / f"{planted}")
    return {planted: folder / f"{planted}" for planted in (True, False)}


@pytest.fixture
def bench_of(cohorts: dict[bool, Path], tmp_path: Path) -> BenchOf:
    """Return a function that makes a bench of the study, of recipes with and without pairs."""
    recipes = {
        "with": ("unet_regression", "{width: 4, levels: 2}", "generator"),
        "without": (
            "cyclegan",
            "{width: 2, blocks: 1, identity_weight: 0, discriminator_layers: 1}",
            "generators",
        ),
        "half": (
            "cyclegan",
            "{width: 2, blocks: 1, identity_weight: 0, discriminator_layers: 1, paired_weight: 100}",
            "generators",
        ),
    }
    for name, (translator, settings, player) in recipes.items():
        text = RECIPE.format(name=name, translator=translator, settings=settings, player=player)
        (tmp_path / f"{name}.yaml").write_text(text)

    def make(
        *names: str, planted: bool = True, changes: tuple[str, ...] = (), **options: object
    ) -> Bench[Options]:
        folder = tmp_path / f"study-{planted}"
        return Bench(
            Cohort.open(cohorts[planted]),
            folder,
            (),
            tuple(str(tmp_path / f"{name}.yaml") for name in names),
            changes,
            (1,),
            "test",
            CohortFiles(),
            Options.model_validate({"counts": [1, 4], "steps": 60, **options}),
            "cpu",
            WorkUnits(folder),
        )

    return make
