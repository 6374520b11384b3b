"""Known signals in values: a share that was planted comes back, and chance is called chance as often as it should."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.evaluation.statistics.signals import beyond_chance, centre, recovered, relative

PATIENTS, REGIONS = 20, 24


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return centre(np.random.default_rng(seed).normal(size=shape or (PATIENTS, REGIONS)))


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_the_share_that_was_planted_is_recovered(share: float) -> None:
    signal, noise = draw(), 0.3 * draw(3, PATIENTS, REGIONS, seed=1)
    measured = signal + 0.3 * draw(seed=2)
    pooled, regions = recovered(signal, measured, share * signal + noise)
    assert pooled.value == pytest.approx(share, abs=0.05)
    assert pooled.interval is not None
    assert pooled.interval.low < share < pooled.interval.high
    assert len(regions) == REGIONS
    assert np.mean([region.value for region in regions if region.value is not None]) == pytest.approx(
        share, abs=0.1
    )


def test_there_is_no_share_of_what_the_measured_values_do_not_follow() -> None:
    signal = draw()
    pooled, _ = recovered(signal, draw(seed=2), signal[None])
    assert pooled == (None, None)


def test_a_signal_beyond_the_linked_one_is_found() -> None:
    linked, own = draw(), draw(seed=1)
    chance = beyond_chance(own, linked, linked + 0.3 * own + 0.5 * draw(seed=2), permutations=199)
    assert chance.value == pytest.approx(0.5, abs=0.1)
    assert chance.range is not None
    assert chance.range.high < 0.2
    assert chance.p == pytest.approx(1 / 200)


def test_chance_is_called_chance_as_often_as_it_should() -> None:
    """Of 60 signals that are not there, about one in twenty has p below 0.05; the linked one does not help."""
    linked = draw()
    p_values = [
        beyond_chance(draw(seed=100 + n), linked, linked + draw(seed=500 + n), permutations=99).p
        for n in range(60)
    ]
    assert np.mean([p is not None and p <= 0.05 for p in p_values]) <= 0.12
    assert np.mean([p for p in p_values if p is not None]) == pytest.approx(0.5, abs=0.12)


def test_what_does_not_vary_and_few_patients_have_no_test() -> None:
    linked = draw()
    assert beyond_chance(draw(seed=1), linked, np.zeros((PATIENTS, REGIONS))) == (None, None, None)
    few = beyond_chance(draw(5, REGIONS, seed=1), draw(5, REGIONS), draw(5, REGIONS, seed=2))
    assert few.value is not None
    assert few.range is None


def test_scanners_and_regions_are_taken_out() -> None:
    signal, levels = draw(), np.random.default_rng(3).uniform(0.5, 2, (1, REGIONS))
    scanner = np.random.default_rng(4).normal(0, 1, (PATIENTS, 1))
    values = levels * (10 + signal + scanner)
    np.testing.assert_allclose(relative(values, values) * (10 + scanner.mean()), signal, atol=1e-9)
