"""The contract of a metric: its record, and figures of small pairs that say which way it is better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from transmodal.metrics import measure, registry
from transmodal.metrics.metric import Metric
from transmodal.metrics.pair import ImagePair

SHAPE = (54, 50, 20)
"""Of the pairs: as large as the widest of transmodal's own metrics needs."""


class MetricContract:
    """Tests that a metric passes; a class of tests that inherits them names it.

        class TestContrast(MetricContract):
            name = "contrast_kept"

    Attributes:
        name: of the metric, as `--metrics` has it.
    """

    name: ClassVar[str] = ""

    def parts(self, config: pytest.Config) -> Sequence[str]:
        """Return the names of the metrics that are tested."""
        return [self.name]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give each test its metrics."""
        metafunc.parametrize("name", self.parts(metafunc.config))

    def test_its_record_has_a_value_in_some_dimension(self, name: str) -> None:
        """It has a name, a function, and no network."""
        metric = registry.find(name)
        assert metric.name == name
        assert metric.dims
        assert metric.learned is None

    def test_its_record_says_its_unit(self, name: str) -> None:
        """Tables and protocols print it."""
        assert registry.find(name).unit, "unit: '1' for a bare number, '{unit}' for the unit of the voxels"

    def test_it_changes_no_voxel_and_gives_the_same_twice(self, name: str) -> None:
        """A measure depends on the pair alone."""
        pair = pair_for(registry.find(name), noise=0.1)
        copies = {part: getattr(pair, part).copy() for part in ("reference", "synthetic", "mask", "labels")}
        first, second = values_of(pair, name), values_of(pair, name)
        assert first == second
        for part, voxels in copies.items():
            np.testing.assert_array_equal(getattr(pair, part), voxels)

    def test_it_has_a_finite_value_of_a_pair_that_differs(self, name: str) -> None:
        """A synthetic volume with some noise has a figure in each dimension."""
        metric = registry.find(name)
        values = values_of(pair_for(metric, noise=0.1), name)
        assert len(values) == len(metric.dims)
        assert all(math.isfinite(value) for value in values)

    def test_more_noise_is_no_improvement(self, name: str) -> None:
        """The end that is better by its record is where the synthetic volume is like the reference."""
        metric = registry.find(name)
        like, unlike = (values_of(pair_for(metric, noise=noise), name) for noise in (0.02, 0.6))
        if metric.best == "zero":
            return  # neither end is better
        for near, far in zip(like, unlike, strict=True):
            assert near >= far if metric.best == "higher" else near <= far


def values_of(pair: ImagePair, name: str) -> list[float]:
    """Return the figures of a metric, 3D first."""
    return [figure.value for figure in measure.measure(pair, [name])]


def pair_for(metric: Metric, *, noise: float) -> ImagePair:
    """Return a pair that a metric takes: a smooth body, and the same with noise of a share of its range."""
    draw = np.random.default_rng(5)
    i, j, k = (np.linspace(-1, 1, side).reshape(shape) for side, shape in zip(SHAPE, _SIDES, strict=True))
    body = np.clip(1.2 - i**2 - j**2 - k**2, 0, 1) * (0.6 + 0.4 * np.sin(6 * i) * np.cos(5 * j))
    mask = i**2 + j**2 + k**2 < 0.9
    labels = (mask * (1 + (i > 0) + 0 * j)).astype(np.int64)
    reference = body if metric.kind != "colour" else np.stack([body, 0.8 * body, 0.5 * body], axis=-1)
    synthetic = np.clip(reference + noise * draw.standard_normal(reference.shape), 0, 1)
    pair = ImagePair(
        reference.astype(np.float32),
        synthetic.astype(np.float32),
        1.0,
        metric.takes_unit or "1",
        (1.0, 1.0, 1.0),
        mask=mask,
        source=body.astype(np.float32),
        labels=labels,
    )
    return _in_hounsfield(pair) if metric.takes_unit == "HU" else pair


_SIDES = ((-1, 1, 1), (1, -1, 1), (1, 1, -1))


def _in_hounsfield(pair: ImagePair) -> ImagePair:
    reference, synthetic = (2000 * volume - 1000 for volume in (pair.reference, pair.synthetic))
    return replace(pair, reference=reference, synthetic=synthetic, data_range=4000.0, background=-1024)
