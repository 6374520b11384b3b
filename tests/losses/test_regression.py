"""The masked mean absolute error, at one resolution and at several."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from transmodal.losses.regression import deep_mae, masked_mae


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_the_mean_is_over_the_masks_voxels() -> None:
    synthetic, target = drawn(2, 3, 4, 6), drawn(2, 3, 4, 6, seed=1)
    mask = (drawn(2, 1, 4, 6, seed=2) > 0.3).float()
    inside = np.broadcast_to(mask.numpy() > 0, synthetic.shape)
    wanted = np.abs(synthetic.numpy() - target.numpy())[inside].mean()
    assert float(masked_mae(synthetic, target, mask)) == pytest.approx(float(wanted), rel=1e-6)
    assert torch.equal(masked_mae(synthetic, target), (synthetic - target).abs().mean())


def test_an_empty_mask_asks_for_nothing() -> None:
    synthetic = drawn(1, 1, 4, 4).requires_grad_()
    loss = masked_mae(synthetic, torch.ones(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))
    torch.autograd.backward(loss)
    assert loss.item() == 0
    assert synthetic.grad is not None
    assert not synthetic.grad.any()


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("masked", [False, True])
def test_coarse_targets_are_means_of_what_counts(dims: int, masked: bool) -> None:
    target = drawn(2, 2, *(8,) * dims)
    mask = (drawn(2, 1, *(8,) * dims, seed=1) > 0).float() if masked else None
    pyramid = [drawn(2, 2, *(8 >> n,) * dims, seed=2 + n) for n in range(3)]
    counts = np.ones((2, 1, *(8,) * dims)) if mask is None else mask.numpy().astype(float)
    total = 0.0
    for n, synthetic in enumerate(pyramid):
        side, step = 8 >> n, 1 << n
        apart, count = 0.0, 0.0
        for place in np.ndindex(*(side,) * dims):
            where = tuple(slice(step * at, step * (at + 1)) for at in place)
            axes = tuple(range(2, 2 + dims))
            share = counts[(slice(None), slice(None), *where)]
            held = (target.numpy()[(slice(None), slice(None), *where)] * share).sum(axes)
            there = share.sum(axes)
            mean = held / np.maximum(there, 1e-9)
            made = synthetic.numpy()[(slice(None), slice(None), *place)]
            apart += float((np.abs(made - mean) * there).sum())
            count += float(there.sum()) * target.shape[1]
        total += (4, 2, 1)[n] / 7 * apart / count
    assert float(deep_mae(pyramid, target, mask)) == pytest.approx(total, rel=1e-5)


def test_one_resolution_is_the_plain_error() -> None:
    synthetic, target = drawn(2, 1, 5, 7), drawn(2, 1, 5, 7, seed=1)
    assert torch.equal(deep_mae([synthetic], target), masked_mae(synthetic, target))


def test_what_lies_outside_the_mask_does_not_matter() -> None:
    target, mask = drawn(1, 1, 8, 8, 8), torch.zeros(1, 1, 8, 8, 8)
    mask[..., 2:7, 1:6, 3:] = 1
    pyramid = [drawn(1, 1, 8, 8, 8, seed=1), drawn(1, 1, 4, 4, 4, seed=2)]
    changed = torch.where(mask > 0, target, target + 5)
    torch.testing.assert_close(deep_mae(pyramid, target, mask), deep_mae(pyramid, changed, mask))
    assert not torch.isclose(deep_mae(pyramid, target), deep_mae(pyramid, changed))
