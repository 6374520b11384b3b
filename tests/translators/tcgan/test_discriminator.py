"""TCGAN's own discriminator: its map of verdicts, and what a batch does not change."""

from __future__ import annotations

import pytest
import torch

from transmodal.nets.meta import shapes_alone
from transmodal.translators.tcgan.discriminator import OwnDiscriminator


def test_verdicts_are_a_sixteenth_of_the_sides() -> None:
    with shapes_alone():
        whole = OwnDiscriminator(2, 64)
        assert whole(torch.empty(1, 2, 256, 256)).shape == (1, 1, 16, 16)
        assert whole(torch.empty(3, 2, 48, 80)).shape == (3, 1, 3, 5)
    # Five convolutions of 4 x 4 taps; all but the last have a bias.
    known = 16 * (2 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) + 64 + 128 + 256 + 512
    assert sum(parameter.numel() for parameter in whole.parameters()) == known


def test_a_verdict_does_not_depend_on_the_batch() -> None:
    torch.manual_seed(0)
    judge, images = OwnDiscriminator(2, 4), torch.rand(3, 2, 32, 48)
    torch.testing.assert_close(judge(images)[1:2], judge(images[1:2]))


def test_less_than_its_least_side_cannot_be_normalised() -> None:
    judge = OwnDiscriminator(1, 2)
    least = judge.least_side
    assert judge(torch.rand(1, 1, least, least)).shape == (1, 1, 2, 2)
    with pytest.raises(ValueError, match="spatial"):
        judge(torch.rand(1, 1, least // 2, least // 2))
