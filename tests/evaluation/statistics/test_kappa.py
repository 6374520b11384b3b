from __future__ import annotations

import numpy as np
import pytest

from transmodal.evaluation.statistics.kappa import cohen, fleiss


def spread(table: list[list[int]]) -> list[tuple[str, str, str]]:
    """Return the readings of a table of counts, every one of its own patient."""
    cells = [(a, b) for a, row in enumerate(table) for b, n in enumerate(row) for _ in range(n)]
    return [(f"p{n}", str(a), str(b)) for n, (a, b) in enumerate(cells)]


def test_cohens_own_example() -> None:
    # Cohen 1960, table 1, of 200: kappa .492.
    agreement = cohen(spread([[88, 14, 18], [10, 40, 10], [2, 6, 12]]))
    assert agreement.kappa.value == pytest.approx(0.492, abs=5e-4)
    assert agreement.observed.share == pytest.approx(0.70)
    assert (agreement.items, agreement.patients) == (200, 200)
    assert agreement.kappa.interval is not None
    low, high = agreement.kappa.interval
    # His standard error of kappa is .054: the interval reaches about twice as far.
    assert (low, high) == pytest.approx((0.492 - 0.106, 0.492 + 0.106), abs=0.015)


def test_fleisss_own_example() -> None:
    # Fleiss 1971, table 1: 30 patients, 6 raters, 5 diagnoses, kappa .430.
    counts = """0 0 0 6 0/0 3 0 0 3/0 1 4 0 1/0 0 0 0 6/0 3 0 3 0/2 0 4 0 0/0 0 4 0 2/2 0 3 1 0/2 0 0 4 0/0 0 0 0 6
    1 0 0 5 0/1 1 0 4 0/0 3 3 0 0/1 0 0 5 0/0 2 0 3 1/0 0 5 0 1/3 0 0 1 2/5 1 0 0 0/0 2 0 4 0/1 0 2 0 3
    0 0 0 0 6/0 1 0 5 0/0 2 0 1 3/2 0 0 4 0/1 0 0 4 1/0 5 0 1 0/4 0 0 0 2/0 2 0 4 0/1 0 5 0 0/0 0 0 0 6"""
    rows = [list(map(int, row.split())) for row in counts.replace("\n", "/").split("/")]
    assert len(rows) == 30
    readings = [
        (f"p{n}", [str(word) for word, k in enumerate(row) for _ in range(k)]) for n, row in enumerate(rows)
    ]
    agreement = fleiss(readings)
    assert agreement.kappa.value == pytest.approx(0.430, abs=1e-3)
    assert agreement.observed.share == pytest.approx(0.5556, abs=1e-4)


def test_readings_that_agree_always_have_no_interval_and_one_word_alone_no_kappa() -> None:
    always = cohen([(f"p{n}", str(n % 2), str(n % 2)) for n in range(20)])
    assert always.kappa == (1, None)
    assert always.observed.share == 1
    alone = cohen([(f"p{n}", "yes", "yes") for n in range(20)])
    assert alone.kappa.value is None
    assert cohen([]).kappa.value is None


def test_chance_is_zero_and_within_its_interval() -> None:
    draw = np.random.default_rng(3)
    words = draw.choice(["a", "b"], (300, 3))
    pair = cohen([(f"p{n // 10}", first, second) for n, (first, second, _) in enumerate(words.tolist())])
    three = fleiss([(f"p{n // 10}", row) for n, row in enumerate(words.tolist())])
    for agreement in (pair, three):
        assert agreement.kappa.interval is not None
        assert agreement.kappa.interval.low < 0 < agreement.kappa.interval.high
        assert agreement.patients == 30


@pytest.mark.parametrize("kappa", [0.3, 0.7])
def test_a_planted_kappa_comes_back(kappa: float) -> None:
    draw = np.random.default_rng(11)
    truth = draw.integers(0, 2, 4000)
    # The second copies the first with probability kappa and guesses otherwise: kappa, by definition.
    copies = np.where(draw.random(4000) < kappa, truth, draw.integers(0, 2, 4000))
    agreement = cohen(
        [(f"p{n // 20}", str(a), str(b)) for n, (a, b) in enumerate(zip(truth, copies, strict=True))]
    )
    assert agreement.kappa.value == pytest.approx(kappa, abs=0.04)
    assert agreement.kappa.interval is not None
    assert agreement.kappa.interval.low < kappa < agreement.kappa.interval.high


def test_patients_are_drawn_with_all_their_items() -> None:
    readings = [(f"p{n}", str(n % 2), str((n % 2) ^ (n % 5 == 0))) for n in range(40)]
    again = [reading for reading in readings for _ in range(4)]
    first, second = cohen(readings).kappa, cohen(again).kappa
    assert first.value == pytest.approx(second.value or 0)
    assert second.interval == pytest.approx(first.interval)
