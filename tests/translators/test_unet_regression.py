"""unet_regression: it learns, in two and three dimensions."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from transmodal import translators
from transmodal.batch import Batch

TINY: dict[str, Any] = {"width": 4, "levels": 3}


@pytest.mark.parametrize(
    ("dims", "sides", "target_side"), [(2, (1, 16, 24), (1, 16, 24)), (3, (1, 8, 12, 8), (1, 8, 12, 8))]
)
def test_it_learns_a_local_function(dims: int, sides: tuple[int, ...], target_side: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    translator = translators.build("unet_regression", {"width": 8, "levels": 2, "spatial_dims": dims})
    source = torch.rand(4, *sides) * 2 - 1
    target = (source**2 - 0.5).reshape(4, *target_side)
    batch = Batch(source, torch.ones(4, 1), target)
    optimizer = torch.optim.Adam(translator.parameters(), 1e-2)
    values = []
    for _ in range(40):
        terms = translator.losses("generator", batch, translator.synthesise(batch))
        optimizer.zero_grad()
        sum(terms.values()).backward()  # type: ignore[union-attr]
        optimizer.step()
        values.append(terms["l1"].item())
    assert values[-1] < 0.6 * values[0]


def test_the_terms_are_weighted() -> None:
    source = torch.rand(1, 1, 16, 16)
    batch = Batch(source, torch.ones(1, 1), torch.rand(1, 1, 16, 16))
    torch.manual_seed(0)
    plain = translators.build("unet_regression", {"width": 4, "levels": 2, "ssim_weight": 0})
    assert set(plain.losses("generator", batch, plain.synthesise(batch))) == {"l1"}
    torch.manual_seed(0)
    double = translators.build("unet_regression", {"width": 4, "levels": 2, "l1_weight": 2.0})
    terms = double.losses("generator", batch, double.synthesise(batch))
    half = plain.losses("generator", batch, plain.synthesise(batch))["l1"]
    assert terms["l1"].item() == pytest.approx(2 * half.item(), rel=1e-5)
    assert 0 < terms["ssim"].item() < 1
