"""Adversarial terms: how verdicts are scored."""

from __future__ import annotations

from torch import Tensor

from transmodal.precision import in_full_precision


@in_full_precision
def least_squares(verdicts: Tensor, *, real: bool) -> Tensor:
    """Return the mean squared distance of verdicts from 1 (real) or 0; LSGAN, Mao et al., ICCV 2017."""
    return ((verdicts - float(real)) ** 2).mean()


def least_squares_discriminator(on_real: Tensor, on_synthetic: Tensor) -> dict[str, Tensor]:
    """Return half of each term, as pix2pix weighs them."""
    return {
        "real": 0.5 * least_squares(on_real, real=True),
        "synthetic": 0.5 * least_squares(on_synthetic, real=False),
    }
