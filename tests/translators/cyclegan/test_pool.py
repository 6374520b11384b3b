"""The pool of earlier images."""

from __future__ import annotations

import torch

from transmodal.translators.cyclegan.pool import ImagePool


def seeds(*values: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(value) for value in values]


def test_the_pool_fills_then_gives_back_old_images() -> None:
    pool = ImagePool(3)
    first = torch.arange(3.0).reshape(3, 1, 1, 1)
    assert torch.equal(pool(first, seeds(0, 1, 2)), first)
    judged = torch.cat([pool(torch.full((1, 1, 1, 1), 10.0 + n), seeds(n)) for n in range(40)]).flatten()
    new = judged == torch.arange(40) + 10
    assert 8 < int(new.sum()) < 32  # half are the new ones
    assert (judged[~new] < torch.arange(40)[~new] + 10).all()  # the others are from before
    assert len(pool.images) == 3


def test_a_pool_travels_with_the_weights_whatever_it_holds() -> None:
    full, empty = ImagePool(3), ImagePool(3)
    full(torch.rand(2, 1, 4, 4), seeds(0, 1))
    empty.load_state_dict(full.state_dict())
    assert torch.equal(empty.images, full.images)
    full.load_state_dict(ImagePool(3).state_dict())
    assert full.images.numel() == 0
    again, other = torch.rand(1, 1, 4, 4), torch.rand(1, 1, 6, 6)
    assert torch.equal(empty(again, seeds(5)), again)
    assert torch.equal(empty(other, seeds(5)), other)  # images of another size start a new pool
    assert empty.images.shape == (1, 1, 6, 6)


def test_a_pool_of_none_gives_the_images_without_gradient() -> None:
    image = torch.rand(1, 1, 4, 4, requires_grad=True)
    judged = ImagePool(0)(image, seeds(1))
    assert torch.equal(judged, image)
    assert not judged.requires_grad
