"""DISTS of volumes, with random weights in the published layouts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from transmodal.evaluation.learned import _dists_network as dists_network
from transmodal.evaluation.learned.dists import Dists

CPU = torch.device("cpu")
Make = Callable[..., Any]


@pytest.fixture(scope="module")
def judge() -> Dists:
    return Dists("random", "random", CPU)


def test_identity_is_best_and_noise_worsens(make_pair: Make, judge: Dists) -> None:
    figures = [[figure.value for figure in judge.measure(make_pair(size))] for size in (0, 0.02, 0.1, 0.4)]
    assert figures[0] == [0, 0]
    for of_region in zip(*figures, strict=True):
        assert list(of_region) == sorted(of_region)
        assert of_region[3] > of_region[1] > 0


def test_what_is_outside_the_mask_does_not_matter(make_pair: Make, judge: Dists) -> None:
    pair = make_pair(0.1)
    ruined = pair.synthetic.with_voxels(np.where(pair.mask, pair.synthetic.voxels, np.float32(7)))
    before, after = (judge.measure(changed) for changed in (pair, replace(pair, synthetic=ruined)))
    assert after[0] == before[0]
    assert after[1].value > before[1].value


def test_the_whole_slices_figure_is_the_published_one(make_pair: Make, judge: Dists) -> None:
    pair = make_pair(0.2, masked=False)
    (figure,) = judge.measure(pair)
    networks = dists_network.pretrained("random", "random")
    values = []
    for k in range(pair.reference.voxels.shape[2]):
        # The scan lies R, A, S: turned round, its rows run to the back and its columns to the left.
        images = (
            torch.from_numpy(volume.voxels[::-1, ::-1, k].T.copy()).expand(1, 3, -1, -1)
            for volume in (pair.reference, pair.synthetic)
        )
        values.append(float(dists_network.distances(networks, *images)))
    assert figure.value == pytest.approx(np.mean(values), rel=1e-4)


def test_the_protocol_and_the_record_say_which_weights(make_pair: Make, judge: Dists) -> None:
    inside, whole = judge.measure(make_pair(0.1))
    assert (inside.metric, inside.unit, inside.protocol.region, inside.protocol.dims) == (
        "dists",
        "1",
        "mask",
        2,
    )
    assert (inside.slices_excluded, whole.slices_excluded) == (1, None)
    text = whole.protocol.text()
    assert "DISTS, VGG-16 random:" in text
    assert "0 FA black, 1 FA white" in text
    assert set(judge.record()) == {"features_sha256", "channels_sha256"}
    assert judge.split_figures() == []
