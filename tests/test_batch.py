"""The batch: moving and seeds."""

from __future__ import annotations

import pytest
import torch

from transmodal.batch import Batch


def test_moving_keeps_what_is_missing_and_the_seeds() -> None:
    batch = Batch(torch.zeros(2, 1, 3, 3), torch.ones(2, 1), draw=torch.tensor([1, 2]), phase="a", step=7)
    moved = batch.to(torch.device("meta"))
    assert moved.source.device.type == "meta"
    assert moved.target is None
    assert moved.draw is not None
    assert moved.draw.device.type == "cpu"
    assert (moved.phase, moved.step) == ("a", 7)


def test_each_sample_has_its_own_generator_and_streams() -> None:
    batch = Batch(torch.zeros(3, 1), torch.ones(3, 1), draw=torch.tensor([4, 5, 4]))
    first, second, third = (torch.rand(2, generator=one) for one in batch.generators())
    assert torch.equal(first, third)
    assert not torch.equal(first, second)
    assert not torch.equal(first, torch.rand(2, generator=batch.generators(1)[0]))


def test_without_seeds_there_is_nothing_to_draw_from() -> None:
    with pytest.raises(ValueError, match="no seeds"):
        Batch(torch.zeros(1, 1), torch.ones(1, 1)).generators()
