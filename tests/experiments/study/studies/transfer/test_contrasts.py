"""Other contrasts: a recipe's own target and others, each beside the mean target; nothing where none are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.parts import PartTraining, name_rows
from transmodal.experiments.study.studies.transfer import contrasts
from transmodal.experiments.study.studies.transfer.answer import Options

BenchOf = Callable[..., Bench[Options]]


def test_nothing_is_trained_where_no_target_is_named(bench_of: BenchOf) -> None:
    bench = bench_of()
    assert contrasts.answer(bench, name_rows(bench.recipes), ()) == contrasts.ContrastFindings()
    assert not (bench.folder / "runs").exists()


class FixedResult:
    """Runs and a mean target whose errors are given; patients differ a little."""

    entrants = ()

    def __init__(self, error: float, of_mean_target: float) -> None:
        self.errors = {"": error, contrasts.ORACLE: of_mean_target}

    def patients(self) -> tuple[str, ...]:
        return tuple("abcdef")

    def values(self, metric: str, patients: Sequence[str] | None = None, name: str = "") -> Values:
        spread = np.linspace(-0.5, 0.5, 6)[:: -1 if name else 1]
        return np.array([self.errors[name] + spread]) / (1 if metric == "mae" else 100)


def test_better_and_worse_than_the_mean_target_and_neither_are_told(
    bench_of: BenchOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, trained = bench_of(), list[PartTraining]()
    results = [FixedResult(2, 6), FixedResult(6, 2), FixedResult(4, 4)]

    def complete(
        _bench: object, parts: Sequence[PartTraining], oracles: tuple[str, ...]
    ) -> list[FixedResult]:
        assert oracles == (contrasts.ORACLE,)
        trained.extend(parts)
        return results

    monkeypatch.setattr(contrasts, "complete_parts", complete)
    found = contrasts.answer(bench, name_rows(bench.recipes), ("t2", "flair"))
    assert [part.changes for part in trained] == [
        ("task.target=fa",),
        ("task.target=t2",),
        ("task.target=flair",),
    ]
    assert {len(part.training) for part in trained} == {4}
    gains = [figure for figure in found.figures if figure.figure == contrasts.GAIN]
    assert [round(figure.value or 0, 6) for figure in gains] == [4, -4, 0]
    better, worse, same = found.sentences
    assert better.endswith(
        "to fa by the same recipe: the error is 4.00 % of the target's range lower than that of the mean target."
    )
    assert "4.00 % of the target's range greater" in worse
    assert same.endswith("not shown to differ from the mean target.")
