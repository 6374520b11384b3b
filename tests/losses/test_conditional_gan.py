"""The conditional objective, by hand: what the discriminator looks at, and where gradients go."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from transmodal.losses.conditional_gan import discriminator_terms, generator_terms


def mean_of_both(images: Tensor) -> Tensor:
    """Return the mean of source and image as a verdict."""
    assert images.shape[1] == 2
    return images.mean(dim=(1, 2, 3))


SOURCE, TARGET = torch.full((1, 1, 3, 5), 1.0), torch.full((1, 1, 3, 5), 0.5)


def test_the_generator_pays_for_its_verdict_and_its_distance() -> None:
    synthetic = torch.zeros(1, 1, 3, 5, requires_grad=True)
    terms = generator_terms(mean_of_both, SOURCE, synthetic, TARGET, l1_weight=100, adversarial_weight=2)
    assert {name: term.item() for name, term in terms.items()} == {"adversarial": 0.5, "l1": 50.0}
    for term in terms.values():
        (slope,) = torch.autograd.grad(term, synthetic, retain_graph=True)
        assert (slope < 0).all()  # both want it brighter


def test_the_discriminator_does_not_train_the_generator() -> None:
    synthetic = torch.zeros(1, 1, 3, 5, requires_grad=True)
    terms = discriminator_terms(mean_of_both, SOURCE, synthetic, TARGET)
    assert terms["real"].item() == pytest.approx(0.5 * 0.25**2)
    assert terms["synthetic"].item() == pytest.approx(0.5 * 0.5**2)
    assert not terms["synthetic"].requires_grad


def test_half_precision_is_compared_in_float32() -> None:
    l1 = generator_terms(mean_of_both, SOURCE, TARGET.bfloat16(), TARGET + 1e-3, l1_weight=1)["l1"]
    assert l1.dtype == torch.float32
    assert l1.item() == pytest.approx(1e-3, rel=1e-3)
