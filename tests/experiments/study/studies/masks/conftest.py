"""A tiny MRNet and a tiny AGI-Net, trained for a step each, and benches with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from transmodal.cohorts.store import Cohort
from transmodal.experiments.study.bench import Bench, CohortFiles
from transmodal.experiments.study.entrants import plan_trials, read_entrants, train_entrants
from transmodal.experiments.study.studies.masks.answer import Options
from transmodal.experiments.study.units import WorkUnits

BenchOf = Callable[..., Bench[Options]]
PLAYERS = "{generator: {lr: 0.001}, discriminator: {lr: 0.001}}"
MRNET = f"""
name: tiny-mrnet
translator: mrnet
task: {{source: [t1], target: fa}}
windows: {{kind: slice, axes: [z], size: [32, 32]}}
settings: {{width: 4, levels: 3, sam: none, mask_hidden: 4, discriminator_norm: instance,
  output: signed, mask_space: unit}}
training: {{epochs: 1, batch: 2, samples_per_epoch: 2, device: cpu, players: {PLAYERS}}}
"""
AGI_NET = f"""
name: tiny-agi
translator: agi_net
task: {{source: [t1], target: fa}}
windows: {{kind: slice, axes: [z], size: [32, 32]}}
settings: {{width: 4, levels: 3, blocks: 1}}
training: {{epochs: 1, batch: 2, samples_per_epoch: 2, device: cpu, players: {PLAYERS}}}
"""


@pytest.fixture(scope="session")
def runs(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the folders of the two runs by translator."""
    folder = tmp_path_factory.mktemp("masks")
    trained = {}
    for name, recipe in (("mrnet", MRNET), ("agi_net", AGI_NET)):
        (folder / f"{name}.yaml").write_text(recipe)
        trials = plan_trials([str(folder / f"{name}.yaml")], [], [1], cohort, folder / "runs")
        trained[name] = next(iter(train_entrants(trials, Cohort.open(cohort)).values()))
    return trained


@pytest.fixture
def bench_of(cohort: Path, runs: dict[str, Path], tmp_path: Path) -> BenchOf:
    """Return a function that makes a bench with runs of some translators."""

    def make(*names: str) -> Bench[Any]:
        entrants = read_entrants([runs[name] for name in names])
        return Bench(
            Cohort.open(cohort),
            tmp_path,
            entrants,
            (),
            (),
            (1,),
            "test",
            CohortFiles(),
            Options(step=3),
            "cpu",
            WorkUnits(tmp_path),
        )

    return make
