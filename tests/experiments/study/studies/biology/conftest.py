"""Evaluations that stand in for real ones: their synthetic volumes follow a rule that a test names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.experiments.study.bench import Bench, CohortFiles, Entrant
from transmodal.experiments.study.studies.biology import answer, values
from transmodal.experiments.study.studies.biology.values import Regional
from transmodal.experiments.study.units import WorkUnits
from transmodal.volumes import Volume

Rule = Callable[[Volume, int], Volume]
"""Makes a synthetic volume from the target and the number of the case."""


@dataclass(frozen=True)
class StandInScored:
    """As `scored.Scored`, with volumes that are made when they are asked for."""

    folder: Path
    store: Cohort
    rules: Mapping[str, Rule]
    oracles: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.rules)

    @property
    def task(self) -> Any:  # noqa: ANN401 - of which two fields are read
        return SimpleNamespace(target="fa", sources=("t1",), labels={1: "left half"})

    @property
    def content(self) -> Any:  # noqa: ANN401 - of which one field is read
        return SimpleNamespace(provenance=SimpleNamespace(oracles=self.oracles))

    def cases(self) -> list[PreparedCase]:
        return self.store.cases("test")

    def target(self, case: PreparedCase) -> Volume:
        return case.volume("fa")

    def synthetic(self, name: str, case: PreparedCase) -> Volume:
        return self.rules[name](self.target(case), int(case.id.removeprefix("case")))


BenchOf = Callable[[Mapping[str, Rule]], Bench[answer.Options]]


@pytest.fixture
def bench_of(cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BenchOf:
    """Return a function that makes a bench whose runs translate by rules; `mean_target` is an oracle."""
    store = Cohort.open(cohort)

    def make(rules: Mapping[str, Rule]) -> Bench[answer.Options]:
        runs = [name for name in rules if name != "mean_target"]
        recipe = cast(
            "Any", SimpleNamespace(training=SimpleNamespace(seed=1), task=SimpleNamespace(target="fa"))
        )
        entrants = tuple(Entrant(name, tmp_path / name, recipe, name) for name in runs)
        scored = {
            entrant.label: StandInScored(
                entrant.folder,
                store,
                {
                    name: rules[name]
                    for name in ((entrant.row, "mean_target") if n == 0 else (entrant.row,))
                    if name in rules
                },
                ("mean_target",),
            )
            for n, entrant in enumerate(entrants)
        }
        by_folder = {evaluation.folder: evaluation for evaluation in scored.values()}
        monkeypatch.setattr(answer, "score_entrants", lambda *_, **__: scored)
        monkeypatch.setattr(values, "read_scored", lambda folder, _: by_folder[folder])
        return Bench(
            store,
            tmp_path,
            entrants,
            (),
            (),
            (1,),
            "test",
            CohortFiles(),
            answer.Options(),
            None,
            WorkUnits(tmp_path),
        )

    return make


RegionalOf = Callable[..., Regional]


@pytest.fixture
def regional_of() -> RegionalOf:
    """Return a function that makes regional values of planted signals.

    The measured ones show both signals; the synthetic ones show each by a share.
    """

    def make(
        linked_share: float = 0.0,
        own_share: float = 0.0,
        subjects: int = 24,
        seeds: int = 1,
        noise: float = 0.3,
    ) -> Regional:
        rng = np.random.default_rng(5)
        regions = tuple(
            f"region {n}, {tissue}" for tissue in ("grey matter", "white matter") for n in range(8)
        )
        shape = (subjects, len(regions))
        linked, own, level = rng.normal(size=shape), rng.normal(size=shape), rng.normal(size=(subjects, 1))
        measured: Values = 10 + 0.7 * linked + 0.5 * own + level + noise * rng.normal(size=shape)
        synthetic = np.stack(
            [
                10 + 0.7 * linked_share * linked + 0.5 * own_share * own + noise * rng.normal(size=shape)
                for _ in range(seeds)
            ]
        )
        patients = tuple(f"p{n}" for n in range(subjects))
        return Regional("unet", regions, patients, measured, synthetic, linked, own)

    return make
