"""LPIPS of volumes, with random weights in the published layouts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from transmodal.errors import InputError, UsageError
from transmodal.evaluation.learned import _lpips_network as lpips_network
from transmodal.evaluation.learned.base import CasePair
from transmodal.evaluation.learned.lpips import Lpips
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import reorient

CPU = torch.device("cpu")
SHAPE = (33, 37, 6)
AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
Make = Callable[..., Any]


@pytest.fixture(scope="module")
def judge() -> Lpips:
    return Lpips("alex", "random", "random", CPU)


def test_identity_is_best_and_noise_worsens(make_pair: Make, judge: Lpips) -> None:
    inside, whole = zip(
        *([one.value for one in judge.measure(make_pair(size))] for size in (0, 0.02, 0.1, 0.4)), strict=True
    )
    assert inside[0] == whole[0] == 0
    assert list(inside) == sorted(inside)
    assert list(whole) == sorted(whole)
    assert inside[3] > inside[1] > 0


def test_what_is_outside_the_mask_does_not_matter(make_pair: Make, judge: Lpips) -> None:
    pair = make_pair(0.1)
    ruined = pair.synthetic.with_voxels(np.where(pair.mask, pair.synthetic.voxels, np.float32(7)))
    one, other = judge.measure(pair), judge.measure(replace(pair, synthetic=ruined))
    assert other[0] == one[0]
    assert other[1].value > one[1].value


def test_the_whole_slices_figure_is_the_published_one(make_pair: Make, judge: Lpips) -> None:
    pair = make_pair(0.2, masked=False)
    (found,) = judge.measure(pair)
    nets = lpips_network.pretrained("alex", "random", "random")
    values = []
    for k in range(SHAPE[2]):
        # The scan lies R, A, S: turned round, its rows run to the back and its columns to the left.
        images = [
            torch.from_numpy(one.voxels[::-1, ::-1, k].T.copy()).expand(1, 3, -1, -1) * 2 - 1
            for one in (pair.reference, pair.synthetic)
        ]
        values.append(sum(float(part.mean()) for part in lpips_network.distances(nets, *images)))
    assert found.value == pytest.approx(np.mean(values), rel=1e-4)
    assert found.protocol.region == "whole"
    assert found.slices_excluded is None


def test_the_protocol_says_all_of_it(make_pair: Make, judge: Lpips) -> None:
    inside, whole = judge.measure(make_pair(0.1))
    assert (inside.metric, inside.unit, inside.protocol.region, inside.protocol.dims) == (
        "lpips",
        "1",
        "mask",
        2,
    )
    assert inside.slices_excluded == 1
    text = whole.protocol.text()
    assert "LPIPS 0.1 alex, backbone random:" in text
    assert "0 FA black, 1 FA white" in text
    assert "not resized" in text
    assert judge.record()["heads_sha256"].startswith("random:")
    hu = make_pair(0.1, unit="HU", data_range=4024.0)
    assert "-1024 HU black, 3000 HU white" in judge.measure(hu)[0].protocol.text()


def test_orientation_does_not_matter(make_pair: Make, judge: Lpips) -> None:
    pair = make_pair(0.1)
    turned = {name: reorient(getattr(pair, name), "SPL") for name in ("reference", "synthetic")}
    mask = (
        reorient(Volume(pair.mask.astype(np.uint8), AFFINE), "SPL").voxels > 0
        if pair.mask is not None
        else None
    )
    again = judge.measure(replace(pair, **turned, mask=mask))
    assert [one.value for one in again] == pytest.approx([one.value for one in judge.measure(pair)], rel=1e-6)


def test_colour_and_single_slices_are_taken(judge: Lpips) -> None:
    rng = np.random.default_rng(2)
    x, y = (rng.integers(0, 255, (33, 35, 1, 3)).astype(np.uint8) for _ in range(2))
    pair = CasePair("a", "unet", Volume(x, AFFINE), Volume(y, AFFINE), None, "sRGB levels", 255.0)
    assert judge.measure(pair)[0].value > 0
    assert judge.measure(replace(pair, synthetic=pair.reference))[0].value == 0


def test_slices_that_are_too_small_and_bad_values_are_refused(make_pair: Make, judge: Lpips) -> None:
    small = Volume(np.ones((30, 40, 3), np.float32), AFFINE)
    pair = CasePair("a", "unet", small, small, None, "FA", 1.0)
    with pytest.raises(UsageError, match="40 x 30 pixels for lpips; expected 31") as refused:
        judge.measure(pair)
    assert refused.value.code == "E004"
    bad = make_pair(synthetic=Volume(np.full(SHAPE, np.nan, np.float32), AFFINE))
    with pytest.raises(InputError) as not_finite:
        judge.measure(bad)
    with pytest.raises(InputError) as empty:
        judge.measure(make_pair(mask=np.zeros(SHAPE, bool)))
    assert (not_finite.value.code, empty.value.code) == ("E120", "E124")


def test_constant_images_are_alike(make_pair: Make, judge: Lpips) -> None:
    flat = Volume(np.full(SHAPE, 0.5, np.float32), AFFINE)
    assert judge.measure(make_pair(reference=flat, synthetic=flat))[0].value == 0
