"""How verdicts are scored, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from transmodal.losses.adversarial import (
    discriminator_halves,
    least_squares,
    least_squares_discriminator,
    verdict,
)


def test_least_squares() -> None:
    verdicts = torch.tensor([0.0, 1.0, 3.0])
    assert least_squares(verdicts, real=True).item() == pytest.approx(5 / 3)
    assert least_squares(verdicts, real=False).item() == pytest.approx(10 / 3)


def test_the_vanilla_objective_is_cross_entropy_of_logits() -> None:
    assert verdict(torch.zeros(2, 1, 3, 5), real=True, gan="vanilla").item() == pytest.approx(math.log(2))
    sure = torch.full((1, 1, 3, 3), 20.0)
    assert verdict(sure, real=True, gan="vanilla").item() < 1e-8
    assert verdict(sure, real=False, gan="vanilla").item() == pytest.approx(20.0)


def test_a_discriminator_pays_half_of_each_term() -> None:
    on_real, on_synthetic = torch.full((1, 1, 2, 3), 0.5), torch.full((1, 1, 2, 3), 3.0)
    terms = least_squares_discriminator(on_real, on_synthetic)
    assert {name: value.item() for name, value in terms.items()} == {"real": 0.125, "synthetic": 4.5}
    vanilla = discriminator_halves(torch.zeros(3), torch.zeros(3), "vanilla")
    assert [value.item() for value in vanilla.values()] == pytest.approx([math.log(2) / 2] * 2)
