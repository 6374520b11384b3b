"""Normalisation that a map scales, and the mapper that switches by class."""

from __future__ import annotations

import torch

from transmodal.translators.aldm.spade import LatentMapper, Spade, SwitchableSpade


def test_spade_is_a_normalisation_that_the_map_itself_scales() -> None:
    torch.manual_seed(0)
    spade, x = Spade(8, 4), torch.randn(2, 8, 6, 6)
    normalised = (x - x.mean((2, 3), keepdim=True)) / (
        x.var((2, 3), unbiased=False, keepdim=True) + 1e-5
    ).sqrt()
    with torch.no_grad():
        for conv in (spade.scale, spade.shift):
            conv.weight.zero_()
            conv.bias.zero_()  # type: ignore[union-attr]
        torch.testing.assert_close(spade(x, normalised), normalised)
        spade.scale.bias.fill_(1.0)  # type: ignore[union-attr]
        spade.shift.bias.fill_(0.5)  # type: ignore[union-attr]
        torch.testing.assert_close(spade(x, normalised), 2 * normalised + 0.5)
        switchable = SwitchableSpade(1, 8, 4)
        switchable.parts[0] = spade
        torch.testing.assert_close(switchable(x, torch.zeros(2)), 2 * normalised + 0.5, atol=1e-5, rtol=1e-4)


def test_every_sample_is_mapped_by_its_own_class() -> None:
    torch.manual_seed(0)
    mapper, x = LatentMapper(3, 2, 4, 4), torch.randn(4, 2, 6, 6)
    classes = torch.tensor([2, 0, 2, 0])
    whole = mapper(x, classes)
    for n in range(4):
        torch.testing.assert_close(mapper(x[n : n + 1], classes[n : n + 1]), whole[n : n + 1])
    assert not torch.allclose(mapper(x, torch.zeros(4)), mapper(x, torch.ones(4)))
    whole.sum().backward()
    # No sample is of class 1: its parameters have a gradient all the same, and it is zero.
    for name, parameter in mapper.named_parameters():
        assert parameter.grad is not None, name
        if ".parts.1." in name:
            assert not parameter.grad.any(), name
