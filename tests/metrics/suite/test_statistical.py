from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.metrics import normalized_mutual_information

from transmodal.errors import InputError
from transmodal.metrics.suite.statistical import nmi, pcc


def test_correlation_is_numpys_inside_the_mask() -> None:
    draw = np.random.default_rng(1)
    x, noise, mask = draw.normal(size=(5, 6, 7)), draw.normal(size=(5, 6, 7)), draw.random((5, 6, 7)) > 0.4
    y = x + noise
    assert pcc(x, y) == pytest.approx(np.corrcoef(x.ravel(), y.ravel())[0, 1])
    assert pcc(x, y, mask=mask) == pytest.approx(np.corrcoef(x[mask], y[mask])[0, 1])
    assert pcc(x, 3 * x - 7) == pytest.approx(1)
    assert pcc(x, -x) == pytest.approx(-1)


def test_mutual_information_is_scikit_images_and_knows_no_sign() -> None:
    draw = np.random.default_rng(2)
    x, mask = draw.normal(size=(12, 13, 14)), draw.random((12, 13, 14)) > 0.5
    y = x + 0.3 * draw.normal(size=x.shape)
    assert nmi(x, y) == pytest.approx(normalized_mutual_information(x, y))
    assert nmi(x, y, mask=mask) == pytest.approx(normalized_mutual_information(x[mask], y[mask]))
    levels = draw.integers(0, 10, size=(12, 13, 14)).astype(float)
    assert nmi(levels, levels) == pytest.approx(2)
    assert nmi(levels, 100 - levels) == pytest.approx(2)
    assert nmi(x, draw.normal(size=x.shape)) < 1.3


def test_without_variation_there_is_no_value() -> None:
    x = np.arange(8.0).reshape(2, 2, 2)
    assert math.isnan(pcc(x, np.ones_like(x)))
    assert math.isnan(nmi(np.ones_like(x), np.ones_like(x)))
    assert nmi(x, np.ones_like(x)) == pytest.approx(1)


@pytest.mark.parametrize("metric", [pcc, nmi])
def test_bad_pairs_are_refused(metric: object) -> None:
    assert callable(metric)
    x = np.arange(8.0).reshape(2, 2, 2)
    with pytest.raises(InputError, match="one shape"):
        metric(x, x[1:])
    with pytest.raises(InputError) as refused:
        metric(x, x * np.nan)
    assert refused.value.code == "E120"
