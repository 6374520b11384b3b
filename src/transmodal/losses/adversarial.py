"""Adversarial terms: how verdicts are scored."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from transmodal.losses.logistic import logistic
from transmodal.precision import in_full_precision

Gan = Literal["vanilla", "least_squares"]
"""Objective: cross-entropy on logits, Goodfellow et al., NeurIPS 2014, or least squares, Mao et al., ICCV 2017."""


@in_full_precision
def least_squares(verdicts: Tensor, *, real: bool) -> Tensor:
    """Return the mean squared distance of verdicts from 1 (real) or 0; LSGAN, Mao et al., ICCV 2017."""
    return ((verdicts - float(real)) ** 2).mean()


def verdict(verdicts: Tensor, *, real: bool, gan: Gan) -> Tensor:
    """Return how far verdicts, not squashed, are from what they should be, by the objective of that name."""
    return logistic(verdicts, real=real) if gan == "vanilla" else least_squares(verdicts, real=real)


def discriminator_halves(on_real: Tensor, on_synthetic: Tensor, gan: Gan) -> dict[str, Tensor]:
    """Return half of each term, as pix2pix weighs them."""
    return {
        "real": 0.5 * verdict(on_real, real=True, gan=gan),
        "synthetic": 0.5 * verdict(on_synthetic, real=False, gan=gan),
    }


def least_squares_discriminator(on_real: Tensor, on_synthetic: Tensor) -> dict[str, Tensor]:
    """Return half of each term, with least squares."""
    return discriminator_halves(on_real, on_synthetic, "least_squares")
