"""What varies between simulated subjects."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from transmodal.cohorts.simulation import contrasts, individual, render
from transmodal.cohorts.simulation.subject import AnatomyOnGrid, draw_subject

STILL = np.zeros(3)


@cache
def seen(index: int) -> AnatomyOnGrid:
    return AnatomyOnGrid(draw_subject(2024, index, 4.0, 0.0, lesions=True), STILL)


def of(tissue: str, index: int, least: float = 0.85) -> np.ndarray:
    """Return where a tissue fills most of the voxel, on the whole grid."""
    where = seen(index).full(getattr(seen(index).tissue, tissue)) > least
    assert where.sum() > 5
    return where


def test_t1_sensitivity_is_the_slope_of_the_sequence() -> None:
    wm = contrasts.RELAXATION[3.0]["wm"]
    more = wm._replace(t1=float(wm.t1) * 1.01)
    slope = np.log(contrasts.spoiled_echo(more) / contrasts.spoiled_echo(wm)) / np.log(1.01)
    assert slope == pytest.approx(individual.T1_SENSITIVITY, abs=0.1)


def changed(index: int, **latent: float) -> AnatomyOnGrid:
    """Return the same subject with one draw of every region and tissue set; `own` or `shared`."""
    subject = seen(index).subject
    latents = np.zeros_like(subject.latents)
    for name, value in latent.items():
        latents[:, :, 0 if name == "shared" else 1 + individual.PARAMETERS.index(name)] = value
    return AnatomyOnGrid(replace(subject, latents=latents), STILL)


def signals(where: AnatomyOnGrid) -> dict[str, np.ndarray]:
    made: dict[str, Any] = {"t1": render.t1(where, stripped=True), "fa": render.fa(where)}
    return made | {"t2": render.t2(where), "ct": render.ct(where)}


def test_shared_draw_shows_in_source_and_target_an_own_draw_in_one() -> None:
    white = of("wm", 0, 0.95)
    plain, shared, own = (signals(s) for s in (changed(0), changed(0, shared=1.0), changed(0, fa=1.0)))
    level = {name: float(shared[name][white].mean() / plain[name][white].mean()) for name in plain}
    assert level["t1"] == pytest.approx(
        np.exp(individual.T1_SENSITIVITY * individual.LINKED["t1"]), abs=0.005
    )
    assert level["fa"] == pytest.approx(np.exp(individual.LINKED["fa"]), abs=0.005)
    assert level["t2"] > 1.03
    assert level["ct"] < 1
    np.testing.assert_array_equal(own["t1"], plain["t1"])
    np.testing.assert_array_equal(own["ct"], plain["ct"])
    only = float(own["fa"][white].mean() / plain["fa"][white].mean())
    assert only == pytest.approx(np.exp(individual.OWN["fa"]), abs=0.005)


def test_draws_change_a_parameter_by_five_to_ten_percent() -> None:
    for parameter in individual.PARAMETERS:
        total = np.hypot(individual.LINKED[parameter], individual.OWN[parameter])
        assert 0.05 <= total <= 0.10, parameter


def test_regions_share_the_brain() -> None:
    place = seen(0).place
    shares = individual.membership(place)
    assert shares.shape[0] == len(individual.region_names()) == 2 * len(individual.REGIONS)
    np.testing.assert_allclose(shares.sum(axis=0), 1, atol=1e-5)
    left = place.nodes_mm[0] < -40
    right_names = np.array([name.startswith("right") for name in individual.region_names()])
    assert float(shares[right_names][:, left].sum(axis=0).max()) < 0.1
