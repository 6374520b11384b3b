"""The non-saturating logistic objective; Goodfellow et al., NeurIPS 2014, as softplus of the verdicts."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def logistic(verdicts: Tensor, *, real: bool) -> Tensor:
    """Return the mean of log(1 + exp(-v)) for what should pass as real, of log(1 + exp(v)) otherwise; float32."""
    v = verdicts.float()
    return F.softplus(-v if real else v).mean()
