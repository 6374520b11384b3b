"""Phantoms of two sites, one of which may show T1 upside down, a table that says who is of which, and benches."""

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
from transmodal.cohorts.store import Cohort
from transmodal.experiments.study.bench import Bench, CohortFiles
from transmodal.experiments.study.studies.transfer.answer import Options
from transmodal.experiments.study.units import WorkUnits

BenchOf = Callable[..., Bench[Options]]
TEST = 6
"""Subjects that are scored: three of each site, three of each sham site."""
RECIPE = """
name: tiny
translator: unet_regression
task: {source: [t1], target: fa}
windows: {kind: slice, axes: [z]}
settings: {width: 4, levels: 2}
training: {epochs: 1, batch: 4, samples_per_epoch: 160, device: cpu, players: {generator: {lr: 0.01}}}
"""


@dataclass(frozen=True)
class SitePhantom(Phantom):
    """A head whose FA rises with T1; at an odd number's site it falls with it, where that is planted."""

    planted: bool = True
    shape = (14, 13, 12)

    def images(self, place: Place) -> Images:
        head, wave = place.head(), np.sin(3 * place.i + self.number)
        t1 = np.where(head, 600 + (-300 if self.planted and self.number % 2 else 300) * wave, 5.0)
        values = {
            "t1": t1,
            "t2": np.where(head, 500 - 300 * wave, 5.0),
            "fa": np.where(head, 0.5 + 0.4 * wave, 0),
        }
        return Images({name: v.astype(np.float32) for name, v in values.items()}, head.astype(np.uint8))


@pytest.fixture(scope="session")
def cohorts(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """Return cohorts of unlike and of like sites: four subjects to learn from and six to score, half of them of each."""
    folder, sides = tmp_path_factory.mktemp("sites"), {}
    for n in range(4 + TEST):
        sides[f"case{n}"] = "train" if n < 4 else "test"
    for planted in (True, False):
        subjects = [SitePhantom(n, planted) for n in range(4 + TEST)]
        prepare(subjects, folder / f"drawn-{planted}", PrepareOptions(counts=(4, 0, TEST)))
        resplit(folder / f"drawn-{planted}", SplitRequest(sides=sides), output=folder / f"{planted}")
    return {planted: folder / f"{planted}" for planted in (True, False)}


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a table of the subjects: their site and age."""
    path = tmp_path_factory.mktemp("people") / "people.tsv"
    lines = ["patient\tsite\tage"]
    for n in range(4 + TEST):
        lines.append(f"case{n}\t{'AB'[n % 2]}\t{20 + n}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def bench_of(cohorts: dict[bool, Path], people: Path, tmp_path: Path) -> BenchOf:
    """Return a function that makes a bench of the study, with options."""
    (tmp_path / "tiny.yaml").write_text(RECIPE)

    def make(*, planted: bool = True, **options: object) -> Bench[Options]:
        return Bench(
            Cohort.open(cohorts[planted]),
            tmp_path / f"study-{planted}",
            (),
            (str(tmp_path / "tiny.yaml"),),
            (),
            (1,),
            "test",
            CohortFiles(phenotypes=people),
            Options.model_validate({"by": ["site"], **options}),
            "cpu",
            WorkUnits(tmp_path / f"study-{planted}"),
        )

    return make
