"""A running mean of a network's weights, which translates better than the last step's."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call


class WeightAverage(nn.Module):
    """An exponential mean of a network's parameters, kept as buffers: it is saved and resumed with the weights.

    After n updates the weight of the past is `(1 + n) / (10 + n)`, at most `decay`, so that short trainings forget
    where they began.

    Args:
        network: whose parameters are followed.
        decay: of the mean.
    """

    updates: Tensor

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__()
        self._decay = decay
        self._keys = {name: name.replace(".", "__") for name, _ in network.named_parameters()}
        for name, parameter in network.named_parameters():
            self.register_buffer(self._keys[name], parameter.detach().clone())
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def follow(self, network: nn.Module) -> None:
        """Take one step towards the network's parameters."""
        self.updates += 1
        n = int(self.updates)
        share = 1 - min(self._decay, (1 + n) / (10 + n))
        for name, parameter in network.named_parameters():
            getattr(self, self._keys[name]).lerp_(parameter, share)

    def has_followed(self) -> bool:
        """Return whether it has followed any step; on the meta device nothing has."""
        return not self.updates.is_meta and bool(self.updates > 0)

    def call(self, network: nn.Module, *inputs: Any) -> Tensor:  # noqa: ANN401 - whatever the network takes
        """Return the network's output with the mean's weights, or with its own before it has followed any step."""
        if not self.has_followed():
            own: Tensor = network(*inputs)
            return own
        weights = {name: getattr(self, key) for name, key in self._keys.items()}
        out: Tensor = functional_call(network, weights, inputs)
        return out
