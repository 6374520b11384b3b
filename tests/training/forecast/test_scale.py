"""Scale: rates times cases, in turns of as many as there are workers."""

from __future__ import annotations

import pytest

from transmodal.training.forecast.scale import Rate, ScalePlan

RATES = [Rate("prepare", 0.9, 2_000_000), Rate("translate", 3.6, 500_000)]


def test_lines_and_json_say_the_same() -> None:
    alone = ScalePlan(100_000, 1, 4, RATES)
    assert alone.lines() == [
        "prepare: about 25 h for 100000 cases by 1 process, 200 GB of disk (0.9 s and 2 MB each, 4 measured)",
        "translate: about 4.2 days for 100000 cases by 1 process, 50 GB of disk (3.6 s and 500 kB each, 4 measured)",
    ]
    content = alone.to_json()
    assert content["verbs"]["translate"] == {
        "seconds": 360_000.0,
        "bytes": 50_000_000_000,
        "seconds_per_case": 3.6,
        "bytes_per_case": 500_000,
    }


@pytest.mark.parametrize(("workers", "turns"), [(1, 10), (3, 4), (10, 1), (64, 1)])
def test_workers_take_cases_in_turns(workers: int, turns: int) -> None:
    plan = ScalePlan(10, workers, 4, RATES)
    assert plan.seconds(RATES[0]) == pytest.approx(turns * 0.9)
    assert ("1 process," if workers == 1 else f"{workers} processes,") in plan.lines()[0]
