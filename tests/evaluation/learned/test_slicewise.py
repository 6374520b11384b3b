"""Slices that a network compares: which it gets, in batches, and how its figures come together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from transmodal.errors import InputError, UsageError
from transmodal.evaluation.learned.base import CasePair
from transmodal.evaluation.learned.slicewise import AT_ONCE, SliceJudge
from transmodal.volumes import Volume

Make = Callable[..., Any]
CPU = torch.device("cpu")


def _pixels(reference: Tensor, synthetic: Tensor, within: Tensor | None) -> Tensor:
    """Mean absolute difference over the pixels of each slice that count."""
    off = (reference - synthetic).abs().mean(dim=1)
    counted = torch.ones_like(off) if within is None else within.float()
    return (off * counted).sum(dim=(1, 2)) / counted.sum(dim=(1, 2))


def test_slices_are_averaged_alike_and_those_without_mask_are_left_out(make_pair: Make) -> None:
    pair = make_pair(0.1)
    inside, whole = SliceJudge("lpips", 1, _pixels, "means", CPU).figures(pair)
    off = np.abs(pair.reference.voxels - pair.synthetic.voxels)
    assert whole.value == pytest.approx(off.mean(), rel=1e-5)
    assert inside.value == pytest.approx(off[pair.mask].mean(), rel=1e-5)
    assert (inside.slices_excluded, whole.slices_excluded) == (1, None)
    assert whole.protocol.definition == "means, 0 FA black, 1 FA white"


def test_batches_do_not_change_the_mean() -> None:
    sizes: list[int] = []

    def ramp(reference: Tensor, synthetic: Tensor, within: Tensor | None) -> Tensor:
        sizes.append(len(reference))
        return _pixels(reference, synthetic, within)

    voxels = np.broadcast_to(np.arange(19, dtype=np.float32), (4, 5, 19)).copy()
    volumes = (Volume(part, np.eye(4)) for part in (voxels, np.zeros_like(voxels)))
    pair = CasePair("a", "unet", *volumes, None, "FA", 1.0)
    (figure,) = SliceJudge("lpips", 4, ramp, "", CPU).figures(pair)
    assert figure.value == pytest.approx(9)
    assert sizes == [AT_ONCE, AT_ONCE, 19 - 2 * AT_ONCE]


def test_slices_that_are_too_small_and_bad_values_are_refused(make_pair: Make) -> None:
    judge = SliceJudge("dists", 34, _pixels, "", CPU)
    with pytest.raises(UsageError, match="37 x 33 pixels for dists; expected 34") as refused:
        judge.figures(make_pair())
    bad = make_pair(synthetic=Volume(np.full((33, 37, 6), np.nan, np.float32), np.eye(4)))
    with pytest.raises(InputError) as not_finite:
        judge.figures(bad)
    assert (refused.value.code, not_finite.value.code) == ("E004", "E120")
