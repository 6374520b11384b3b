"""SSIM over windows of five sides, and grey."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from transmodal.translators.colorization.structure import WINDOWS, grey, windowed_ssim


def test_structure_is_five_windows() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.random((2, 14, 15))
    expected = 0.0
    for taps in (11, 9, 7, 5, 3):
        line = np.exp(-0.5 * ((np.arange(taps) - taps // 2) / 1.5) ** 2)
        window = np.outer(line, line) / line.sum() ** 2
        values = []
        for i in range(14 - taps + 1):
            for j in range(15 - taps + 1):
                a, b = x[i : i + taps, j : j + taps], y[i : i + taps, j : j + taps]
                ma, mb = (window * a).sum(), (window * b).sum()
                va, vb = (window * a * a).sum() - ma**2, (window * b * b).sum() - mb**2
                both = (window * a * b).sum() - ma * mb
                values.append(
                    (2 * ma * mb + 1e-4) * (2 * both + 9e-4) / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4))
                )
        expected += 1 - float(np.mean(values))
    found = windowed_ssim(*(torch.tensor(one, dtype=torch.float32)[None, None] for one in (x, y)))
    assert found.item() == pytest.approx(expected, rel=1e-4)
    assert WINDOWS == (11, 9, 7, 5, 3)


def test_grey_is_the_mean() -> None:
    assert grey(torch.tensor([0.0, 0.3, 0.9]).reshape(1, 3, 1, 1)).item() == pytest.approx(0.4)
