"""Prediction out of fold: what features say is predicted, and what they do not is not."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.evaluation.statistics.prediction import FOLDS, _balanced, predict

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("n", [30, 60])
def test_a_phenotype_in_the_features_is_predicted(n: int) -> None:
    features = RNG.normal(size=(2, n, 20))
    features[1] = features[0]
    truth = features[0, :, :5].sum(axis=1) + 0.3 * RNG.normal(size=n) + 50
    prediction = predict(features, truth, resamples=200)
    assert prediction.r.value is not None
    assert prediction.r.value > 0.8
    assert prediction.r.interval is not None
    assert prediction.r.interval.low > 0.5
    assert prediction.p == 0.01
    assert prediction.explained > 0.6


def test_a_phenotype_that_features_do_not_know_is_not() -> None:
    """Over 20 phenotypes without relation the p-values are spread evenly, and the mean would do better."""
    predictions = [
        predict(RNG.normal(size=(1, 16, 10)), RNG.normal(size=16), resamples=20) for _ in range(20)
    ]
    assert np.mean([p.p for p in predictions]) == pytest.approx(0.5, abs=0.2)
    assert sum(p.p <= 0.05 for p in predictions) <= 4
    assert np.mean([p.explained for p in predictions]) < 0


def test_low_and_high_people_are_dealt_out_to_all_folds() -> None:
    truth = RNG.permutation(28).astype(float)
    folds = _balanced(truth, np.random.default_rng(1))
    assert all(sorted(truth[folds == fold] // 7) == [0, 1, 2, 3] for fold in range(7))
    assert len(np.unique(_balanced(RNG.normal(size=100), np.random.default_rng(1)))) == FOLDS
