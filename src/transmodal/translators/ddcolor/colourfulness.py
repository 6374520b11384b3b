"""Terms on colours."""

from __future__ import annotations

import torch
from torch import Tensor

from transmodal.precision import in_full_precision

_TINY = 1e-12
_GREY = (0.2989, 0.587, 0.114)
"""Weights of red, green and blue in a grey picture (ITU-R BT.601)."""


@in_full_precision
def colourlessness(colour: Tensor) -> Tensor:
    """Return 1 - colourfulness, the mean over samples; DDColor's term, after Hasler and Suesstrunk, 2003.

    Unlike the published measure it takes |R - G| and |(R + G) / 2 - B|, as the code of DDColor does.

    Args:
        colour: `(B, 3, H, W)` in [0, 1].
    """
    red, green, blue = colour.flatten(2).unbind(1)
    pairs = torch.stack([(red - green).abs(), ((red + green) / 2 - blue).abs()])
    spread = (pairs.var(dim=2).sum(dim=0) + _TINY).sqrt()
    middle = (pairs.mean(dim=2).square().sum(dim=0) + _TINY).sqrt()
    return (1 - spread - 0.3 * middle).mean()


def vivid(colour: Tensor, factor: float) -> Tensor:
    """Return colours that lie `factor` times as far from grey, cut off at 0 and 1.

    Args:
        colour: `(B, 3, H, W)` in [0, 1].
        factor: 1 changes nothing.
    """
    grey = (colour * colour.new_tensor(_GREY).view(3, 1, 1)).sum(dim=1, keepdim=True)
    return (grey + factor * (colour - grey)).clamp(0, 1)
