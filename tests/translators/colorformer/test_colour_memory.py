"""The colour memory against its equation, and what it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from transmodal.translators.colorformer.colour_memory import ColourMemory, between


def memory() -> ColourMemory:
    torch.manual_seed(0)
    return ColourMemory(6, 5, 3, meaning=4, query=7, colour=8)


def test_vectors_between_whole_numbers() -> None:
    vectors = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    places = torch.tensor([[-2.0, 0.0, 1.25], [3.0, 3.5, 9.0]])
    found = between(vectors, places)
    wanted = np.stack(
        [np.interp(places.numpy(), np.arange(5), vectors[:, n].numpy()) for n in range(3)], axis=-1
    )
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-6)


def test_an_entrys_value_is_its_colours_mixed_by_the_images_shares() -> None:
    net = memory()
    with torch.no_grad():  # whole numbers, as the original's: a = 3, b = -5 for entry 1 of palette 2
        net.colours[2, 1] = torch.tensor([3 / 128, -5 / 128])
    values = net.values(torch.tensor([[0.0, 0.0, 1.0], [0.5, 0.0, 0.5]]))
    alone = net.palettes[2](torch.cat([net.vectors[0, 131], net.vectors[1, 123]]))
    torch.testing.assert_close(values[0, 1], alone, atol=1e-5, rtol=1e-4)
    first = net.values(torch.tensor([[1.0, 0.0, 0.0]]))
    torch.testing.assert_close(values[1], (values[0] + first[0]) / 2)


def test_places_take_the_colours_of_the_meanings_that_they_resemble() -> None:
    net, shares = memory(), torch.tensor([[0.2, 0.3, 0.5]])
    x = torch.randn(1, 6, 2, 3)
    token = x[0, :, 1, 2]
    scores = torch.stack([net.query(net.query_norm(token)) @ net.key(one) for one in net.meanings])
    prior = scores.softmax(0) @ net.values(shares)[0]
    joined = net.join_norm(torch.cat([token, prior]))
    joined = net.out_norm(joined + net.perceptron(joined))
    wanted = net.out.weight[:, :, 0, 0] @ joined + net.out.bias
    torch.testing.assert_close(net(x, shares)[0, :, 1, 2], wanted, atol=1e-5, rtol=1e-4)


def test_meanings_and_colours_are_learnt() -> None:
    net = memory()
    torch.autograd.backward(net(torch.randn(2, 6, 3, 4), torch.rand(2, 3)).square().sum())
    for name, one in net.named_parameters():
        assert one.grad is not None, name
        assert one.grad.abs().max() > 0, name


@pytest.mark.parametrize("entries", [1, 9])
def test_the_shape_stays(entries: int) -> None:
    net = ColourMemory(4, entries, 2, meaning=3, query=5, colour=6)
    assert net(torch.randn(3, 4, 5, 7), torch.rand(3, 2)).shape == (3, 4, 5, 7)
