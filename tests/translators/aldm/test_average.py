"""The moving average of weights."""

from __future__ import annotations

import torch

from transmodal.translators.aldm.average import WeightAverage


def test_a_mean_that_has_followed_nothing_is_the_network_itself() -> None:
    net = torch.nn.Linear(2, 2)
    average = WeightAverage(net, 0.9)
    with torch.no_grad():
        net.weight.add_(1)
        x = torch.ones(1, 2)
        torch.testing.assert_close(average.call(net, x), net(x))
        for _ in range(200):
            average.follow(net)
        torch.testing.assert_close(average.call(net, x), net(x))
        net.weight.add_(1)
        average.follow(net)
        torch.testing.assert_close(average.weight, net.weight - 0.9)
