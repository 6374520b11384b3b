"""The logistic objective, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from transmodal.losses.logistic import logistic


def test_logistic_by_hand() -> None:
    verdicts = torch.tensor([[-2.0], [3.0]])
    real = (math.log1p(math.exp(2)) + math.log1p(math.exp(-3))) / 2
    synthetic = (math.log1p(math.exp(-2)) + math.log1p(math.exp(3))) / 2
    assert logistic(verdicts, real=True).item() == pytest.approx(real, rel=1e-6)
    assert logistic(verdicts, real=False).item() == pytest.approx(synthetic, rel=1e-6)
    assert logistic(torch.tensor([1e4]), real=False).item() == pytest.approx(1e4)
