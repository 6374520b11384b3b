"""Prediction of one number per person from regional values: ridge regression in nested cross-validation.

The penalty is chosen inside every training part, so that the predicted person has no say in it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.evaluation.statistics.association import RESAMPLES, Estimate, estimate, pearson
from transmodal.evaluation.statistics.bootstrap import SEED, Values

PENALTIES = np.logspace(-2, 4, 25)
FOLDS = 10
"""Outer folds at most; of fewer than 40 people each has four or more."""
REPEATS = 3
"""Divisions into folds, over which predictions are averaged."""
PERMUTATIONS = 99


class Prediction(NamedTuple):
    """Predictions of people that the model did not see.

    Attributes:
        predicted: `(seeds, patients)`.
        r: correlation with the truth, mean over seeds; its interval draws patients and seeds, crossed.
        p: chance of such an r, or a greater one, where the truth is shuffled.
        explained: 1 minus the squared error over that of the training mean, mean over seeds; below 0 where the mean is
            better.
    """

    predicted: Values
    r: Estimate
    p: float
    explained: float


def predict(features: Values, truth: Values, *, resamples: int = RESAMPLES, seed: int = SEED) -> Prediction:
    """Predict a number from features, out of fold, of each seed apart.

    Args:
        features: finite, `(seeds, patients, features)`, three patients or more.
        truth: finite, `(patients,)`.
        resamples: of the bootstrap.
        seed: of folds and bootstrap.
    """
    seeds, n = features.shape[:2]
    rng = np.random.default_rng(seed)
    predicted, means = _out_of_fold(features, truth, rng)
    r = float(pearson(truth, predicted).mean())
    patients = rng.integers(0, n, (resamples, n))
    shares = rng.multinomial(seeds, np.full(seeds, 1 / seeds), resamples) / seeds
    of_seeds = np.stack([pearson(truth[patients], part[patients]) for part in predicted], axis=1)
    shuffled = [_shuffled(features, rng.permutation(truth), rng) for _ in range(PERMUTATIONS)]
    p = (1 + int((np.array(shuffled) >= r).sum())) / (1 + PERMUTATIONS)
    errors, baseline = ((truth - predicted) ** 2).sum(axis=1), ((truth - means) ** 2).sum()
    return Prediction(
        predicted,
        estimate(r, (of_seeds * shares).sum(axis=1), n),
        p,
        float(1 - errors.mean() / baseline) if baseline > 0 else 0.0,
    )


def _shuffled(features: Values, truth: Values, rng: np.random.Generator) -> float:
    return float(pearson(truth, _out_of_fold(features, truth, rng)[0]).mean())


def _out_of_fold(features: Values, truth: Values, rng: np.random.Generator) -> tuple[Values, Values]:
    """Return predictions, `(seeds, patients)`, and the training means, `(patients,)`, averaged over divisions."""
    predicted, means = np.zeros(features.shape[:2]), np.zeros(len(truth))
    for _ in range(REPEATS):
        folds = _balanced(truth, rng)
        for fold in np.unique(folds):
            inside = folds != fold
            means[~inside] += truth[inside].mean() / REPEATS
            for part, values in zip(predicted, features, strict=True):
                part[~inside] += _ridge(values[inside], truth[inside], values[~inside]) / REPEATS
    return predicted, means


def _balanced(truth: Values, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the fold of every person, low and high ones dealt out to all folds.

    Left out one by one, people would be predicted on the other side of the mean: what is left has a mean away from theirs,
    and a model that knows nothing correlates by -1 with the truth. Dealt out, it still correlates by about -0.2; the
    shuffles know that too.
    """
    n = len(truth)
    count = min(FOLDS, max(3, n // 4))
    order, folds = np.argsort(truth + 0.0), np.zeros(n, np.intp)
    for start in range(0, n, count):
        block = order[start : start + count]
        folds[block] = rng.permutation(count)[: len(block)]
    return folds


def _ridge(features: Values, truth: Values, unseen: Values) -> Values:
    """Return predictions of unseen people by the penalty with the smallest leave-one-out error among the seen."""
    centre, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 0, spread, 1)
    x, y = (features - centre) / spread, truth - truth.mean()
    left_vectors, singular, right_vectors = np.linalg.svd(x, full_matrices=False)
    shrinkage = singular**2 / (singular**2 + PENALTIES[:, None])
    fitted = (shrinkage * (left_vectors.T @ y)) @ left_vectors.T
    leverage = shrinkage @ (left_vectors**2).T + 1 / len(y)
    errors = (((y - fitted) / np.maximum(1 - leverage, 1e-6)) ** 2).sum(axis=1)
    penalty = PENALTIES[int(errors.argmin())]
    weights = right_vectors.T @ (singular / (singular**2 + penalty) * (left_vectors.T @ y))
    predictions: Values = (unseen - centre) / spread @ weights + truth.mean()
    return predictions
