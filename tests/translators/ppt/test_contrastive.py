"""Terms on patches and pyramids, against plain statements."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from transmodal.translators.ppt.contrastive import (
    focal_nce,
    gaussian_pyramid,
    patch_distance,
    pyramid_distance,
)


def test_a_query_that_meets_its_own_key_alone_costs_next_to_nothing() -> None:
    keys = torch.eye(6)[None]
    assert float(focal_nce(keys, keys)) < 1e-9
    assert float(focal_nce(keys, keys.flip(1))) > 3


def test_focal_nce_is_cross_entropy_with_a_weight() -> None:
    torch.manual_seed(0)
    queries, keys = (F.normalize(torch.randn(2, 5, 8), dim=2).requires_grad_() for _ in range(2))
    logits = (queries @ keys.transpose(1, 2) / 0.5).flatten(0, 1)
    plain = F.cross_entropy(logits, torch.arange(5).repeat(2), reduction="none")
    torch.testing.assert_close(focal_nce(queries, keys, 0.5, gamma=0.0), 0.25 * plain.mean())
    weighted = 0.25 * (1 - (-plain).exp()) ** 2 * plain
    found = focal_nce(queries, keys, 0.5)
    torch.testing.assert_close(found, weighted.mean())
    found.backward()
    assert queries.grad is not None
    assert keys.grad is None


def test_patches_are_summed_and_averaged() -> None:
    apart = torch.full((1, 1, 8, 8), 0.5)
    # 8 + 4 pixels make 3 x 3 patches, over which the 64 pixels' differences are spread.
    torch.testing.assert_close(patch_distance(apart, torch.zeros(1, 1, 8, 8)), torch.tensor(0.5 * 64 / 9))


def test_the_pyramid_keeps_constants_and_halves() -> None:
    levels = gaussian_pyramid(torch.full((1, 2, 32, 32), 0.3), 6)
    assert [one.shape[2] for one in levels] == [32, 16, 8, 4, 2, 1]
    for one in levels:
        torch.testing.assert_close(one, torch.full_like(one, 0.3))
    impulse = torch.zeros(1, 1, 9, 9)
    impulse[0, 0, 4, 4] = 1
    assert gaussian_pyramid(impulse, 2)[0].max() == pytest.approx((6 / 16) ** 2)
    apart = pyramid_distance(torch.full((1, 1, 32, 32), 0.3), torch.zeros(1, 1, 32, 32))
    assert float(apart) == pytest.approx(0.3)
