"""A tiny cohort, a tiny suite, and what it came to: made once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from phantoms import SmoothPhantom
from subject_files import tiny_recipe
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.experiments.benchmark.run import Benchmark, benchmark
from transmodal.experiments.benchmark.suite import Suite, suite_of

RECIPE = tiny_recipe(
    data="{}",
    training="{epochs: 1, batch: 2, samples_per_epoch: 8, device: cpu, players: {generator: {lr: 0.01}}}",
)
SUITE = """
name: tiny
about: two ways to train, on phantoms
budget: 4 steps
cohort: phantoms
against: l1-alone
seeds: [1, 2]
entries:
  whole: {recipe: RECIPE}
  l1-alone: {recipe: RECIPE, changes: [settings.ssim_weight=0], note: without SSIM}
  to-t2: {recipe: RECIPE, changes: [task.target=t2]}
"""


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("benchmark")


@pytest.fixture(scope="package")
def cohort(shared: Path) -> Path:
    return prepare(
        [SmoothPhantom(n) for n in range(5)], shared / "cohort", PrepareOptions(counts=(2, 1, 2))
    ).folder


@pytest.fixture(scope="package")
def suite_file(shared: Path) -> Path:
    (shared / "tiny-recipe.yaml").write_text(RECIPE)
    path = shared / "tiny.yaml"
    path.write_text(SUITE.replace("RECIPE", str(shared / "tiny-recipe.yaml")))
    return path


@pytest.fixture(scope="package")
def suite(suite_file: Path) -> Suite:
    return suite_of(str(suite_file))


class Heard:
    """Progress that remembers the counts."""

    def __init__(self) -> None:
        self.counts: list[tuple[str, int, int, str]] = []

    def advance(self, stage: str, completed: int, total: int, note: str = "") -> None:
        self.counts.append((stage, completed, total, note))

    def say(self, line: str) -> None:
        raise AssertionError(line)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@dataclass(frozen=True)
class Done:
    """A benchmark that was run, where, and its counts."""

    result: Benchmark
    folder: Path
    counts: list[tuple[str, int, int, str]]


@pytest.fixture(scope="package")
def done(suite: Suite, cohort: Path, shared: Path) -> Done:
    heard = Heard()
    folder = shared / "out"
    result = benchmark(suite, cohort, folder, workers=2, progress=heard)
    return Done(result, folder, heard.counts)
