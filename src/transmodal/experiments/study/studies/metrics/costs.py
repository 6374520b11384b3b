"""Costs of distortions in each metric, made comparable: by the noise that costs as much."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from transmodal.experiments.study.studies.metrics.distortions import distortions
from transmodal.metrics import registry

HARMLESS = {"gain": 2, "bias": 2, "shift": 2, "contrast": 2}
"""Changes that take no anatomy away and invent none, with the number of the strength that is compared."""
NOISE = "noise"
_LEAST = 1e-9


class Costs(NamedTuple):
    """Answers of one metric.

    Attributes:
        metric: with its dimension, such as `ssim 3D`.
        by_distortion: `(cases, strengths + 1)`, greater is worse; the first column is the image itself.
    """

    metric: str
    by_distortion: Mapping[str, np.ndarray[Any, Any]]

    def steps_seen(self, distortion: str) -> float:
        """Return the share of steps to the next strength that cost something, over cases and steps."""
        costs = self.by_distortion[distortion]
        scale = np.abs(costs).max() or 1.0
        return float((np.diff(costs, axis=1) > _LEAST * scale).mean())

    def equal_noise(self, distortion: str, strength: int) -> float:
        """Return the noise, as a share of the range, that costs as much: the median over cases; infinite beyond it."""
        noise = self.by_distortion[NOISE]
        shares = [0.0, *next(kind.strengths for kind in distortions() if kind.name == NOISE)]
        equal = [
            _inverse(shares, of_noise, cost)
            for of_noise, cost in zip(noise, self.by_distortion[distortion][:, strength], strict=True)
        ]
        return float(np.median(equal))

    def preference(self, anatomical: str, harmless: str) -> float:
        """Return the share of cases in which the strongest anatomical fault costs less than a harmless change."""
        worst = self.by_distortion[anatomical][:, -1]
        return float((worst < self.by_distortion[harmless][:, HARMLESS[harmless]]).mean())


def gather(contents: Sequence[Mapping[str, Any]]) -> list[Costs]:
    """Return the costs in every metric over the cases; a distortion counts where every case has it."""
    first = contents[0]["answers"]
    shared = [
        kind.name
        for kind in distortions()
        if all(kind.name not in content["without"] for content in contents)
    ]
    return [
        Costs(
            metric,
            {
                name: _worse(metric, [content["answers"][metric][name] for content in contents])
                for name in shared
            },
        )
        for metric in first
        if all(metric in content["answers"] for content in contents)
    ]


def _worse(metric: str, values: Sequence[Sequence[float | None]]) -> np.ndarray[Any, Any]:
    """Return values so that greater is worse; what is infinitely good is a little better than the best that is finite."""
    sign = -1.0 if registry.higher_is_better(metric.rsplit(" ", 1)[0]) else 1.0
    costs = sign * np.array([[np.nan if value is None else value for value in row] for row in values])
    finite = costs[np.isfinite(costs)]
    if not len(finite):
        return np.zeros(costs.shape)
    best = float(finite.min())
    return np.where(np.isnan(costs), best - max(1e-3, 0.1 * float(np.ptp(finite))), costs)


def _inverse(shares: Sequence[float], costs: np.ndarray[Any, Any], cost: float) -> float:
    """Return the share at which rising costs reach a cost, linear between strengths."""
    rising = np.maximum.accumulate(costs)
    if cost <= rising[0]:
        return 0.0
    if cost > rising[-1]:
        return math.inf
    n = int(np.searchsorted(rising, cost))
    part = (cost - rising[n - 1]) / (rising[n] - rising[n - 1])
    return float(shares[n - 1] + part * (shares[n] - shares[n - 1]))
