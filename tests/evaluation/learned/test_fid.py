"""FID and KID over the slices of a split, by a small network in place of Inception."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from transmodal.evaluation.learned import fid as frechet
from transmodal.evaluation.learned.fid import InceptionDistances
from transmodal.metrics.feature_sets import frechet_distance, kernel_distance

CPU = torch.device("cpu")
SHAPE = (33, 37, 6)
AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
Make = Callable[..., Any]


def test_fid_and_kid_are_of_all_slices_that_meet_a_mask(
    make_pair: Make, small_inception: type[nn.Module]
) -> None:
    judge = InceptionDistances(("fid", "kid"), "random", CPU)
    pairs = [make_pair(0.3, case=case, seed=seed) for seed, case in enumerate("abc")]
    for pair in pairs:
        assert judge.measure(pair) == []
        assert judge.measure(replace(pair, translator="oracle", synthetic=pair.reference)) == []
    fid, best, kid, _ = judge.split_figures()
    assert [(one.translator, one.metric) for one in judge.split_figures()] == [
        ("unet", "fid"), ("oracle", "fid"), ("unet", "kid"), ("oracle", "kid"),
    ]  # fmt: skip
    assert fid.n_slices == 3 * 5

    def features(which: str) -> Any:  # noqa: ANN401
        found = []
        for pair in pairs:
            mask = pair.mask if pair.mask is not None else np.ones(SHAPE, bool)
            volume = getattr(pair, which).voxels * mask
            upright = torch.from_numpy(volume[::-1, ::-1].T[1:].copy())[:, None]
            found.append(small_inception()(upright).detach().numpy())
        return np.concatenate(found)

    x, y = features("reference"), features("synthetic")
    assert fid.value == pytest.approx(frechet_distance(x, y), rel=1e-4)
    assert kid.value == pytest.approx(kernel_distance(x, y), rel=1e-3, abs=1e-9)
    assert best.value == pytest.approx(0, abs=1e-9)
    assert "Inception of 2015-12-05 random:" in fid.protocol
    assert judge.record()["inception_sha256"].startswith("random:")


@pytest.mark.usefixtures("small_inception")
def test_noise_outside_the_mask_does_not_change_fid(make_pair: Make) -> None:
    pair = make_pair(0.3)
    ruined = pair.synthetic.with_voxels(np.where(pair.mask, pair.synthetic.voxels, np.float32(7)))
    values = []
    for synthetic in (pair.synthetic, ruined):
        judge = InceptionDistances(("kid",), "random", CPU)
        judge.measure(replace(pair, synthetic=synthetic))
        values.append(judge.split_figures()[0].value)
    assert values[0] == values[1]


def test_too_few_slices_have_no_fid_and_the_note_says_why(
    make_pair: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frechet.inception, "FEATURES", 2048)
    judge = InceptionDistances(("fid", "kid"), "random", CPU)
    judge.measure(make_pair(0.3))
    fid, kid = judge.split_figures()
    assert (fid.value, fid.n_slices) == (None, 5)
    assert fid.text() == "unet: no FID: fid needs 2049 slices or more: there are 5"
    assert kid.value is not None
    assert kid.text().endswith("over 5 slices")
    one = InceptionDistances(("kid",), "random", CPU)
    mask = np.zeros(SHAPE, bool)
    mask[5, 5, 2] = True
    one.measure(make_pair(mask=mask))
    assert one.split_figures()[0].note == "kid needs 2 slices or more: there are 1"
