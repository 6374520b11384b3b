"""The non-saturating logistic objective; Goodfellow et al., NeurIPS 2014, as softplus of the verdicts."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from transmodal.precision import in_full_precision


@in_full_precision
def logistic(verdicts: Tensor, *, real: bool) -> Tensor:
    """Return the mean of log(1 + exp(-v)) for what should pass as real, of log(1 + exp(v)) otherwise; float32."""
    return F.softplus(-verdicts if real else verdicts).mean()
