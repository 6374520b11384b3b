"""Features in eight bits: whole numbers by a power of two for each window and channel, so that rounding is exact again.

What is rounded once comes back bit by bit from the bytes, and float16 holds it, too: stored features equal computed ones.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from transmodal.errors import InputError

_MOST = 127
_LEAST_EXPONENT, _MOST_EXPONENT = -24, 9
"""Such that float16 holds every value: 2^-24 is its least, and 127 * 2^9 its greatest here."""


def round_features(features: Tensor) -> Tensor:
    """Round `(B, C, h, w)` to multiples, at most 127, of a power of two per window and channel; float32.

    The error is at most a 127th of a channel's greatest value, or 2^-25 where that is more. Values beyond what float16 holds are clipped.
    """
    unit = torch.exp2(_exponents(features).float())[..., None, None]
    return (features / unit).round().clamp(-_MOST, _MOST) * unit


def pack(features: Tensor) -> NDArray[np.int8]:
    """Return rounded features `(B, C, h, w)` as int8 `(B, C, h + 1, w)`; the last row begins with the exponent."""
    exponents = _exponents(features)
    numbers = (features / torch.exp2(exponents.float())[..., None, None]).round()
    packed = np.zeros((*features.shape[:2], features.shape[2] + 1, features.shape[3]), np.int8)
    packed[:, :, :-1] = numbers.cpu().numpy()
    packed[:, :, -1, 0] = exponents.cpu().numpy()
    return packed


def unpack(packed: NDArray[np.int8]) -> NDArray[np.float32]:
    """Return the features `(C, h, w)` of one window that `pack` packed, float32."""
    unit = np.exp2(packed[:, -1, 0].astype(np.float32))
    return packed[:, :-1].astype(np.float32) * unit[:, None, None]


def _exponents(features: Tensor) -> Tensor:
    """Return the least exponents `(B, C)` with which each channel's greatest value is at most 127; int32.

    Raises:
        InputError: E120 for features that are not finite.
    """
    greatest = features.abs().amax(dim=(2, 3)).float()
    if not bool(torch.isfinite(greatest).all()):
        raise InputError(
            "E120",
            "an encoder's features are not finite",
            "finite numbers",
            "Check its weights and the sources.",
        )
    mantissa, exponent = torch.frexp(greatest)  # greatest = mantissa * 2 ** exponent, mantissa in [0.5, 1)
    # 127 is 0.9921875 * 2 ** 7.
    return (exponent - 7 + (mantissa > _MOST / 128)).clamp(_LEAST_EXPONENT, _MOST_EXPONENT)
