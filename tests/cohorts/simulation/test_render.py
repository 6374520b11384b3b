"""Contrasts of simulated sequences."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from transmodal.cohorts.simulation import contrasts, individual, render
from transmodal.cohorts.simulation.contrasts import Relaxation
from transmodal.cohorts.simulation.subject import AnatomyOnGrid, draw_subject

STILL = np.zeros(3)


@cache
def seen(index: int) -> AnatomyOnGrid:
    return AnatomyOnGrid(draw_subject(2024, index, 4.0, 0.0, lesions=True), STILL)


def test_spoiled_echo_is_in_its_limits() -> None:
    tissue = Relaxation(800.0, 80.0, 0.7)
    assert contrasts.spoiled_echo(tissue, 1e9, 90.0) == pytest.approx(0.7)
    assert contrasts.spoiled_echo(tissue, 18.0, 0.0) == pytest.approx(0)
    wm, gm, csf = (contrasts.RELAXATION[3.0][name] for name in ("wm", "gm", "csf"))
    white = float(contrasts.spoiled_echo(wm))
    assert 0.74 <= float(contrasts.spoiled_echo(gm)) / white <= 0.78
    # the sequence also explains what the real T1 shows of fluid
    assert float(contrasts.spoiled_echo(csf)) / white == pytest.approx(render.FLUID / render.WHITE, abs=0.04)


def changed(index: int, **latent: float) -> AnatomyOnGrid:
    """Return the same subject with one draw of every region and tissue set; `own` or `shared`."""
    subject = seen(index).subject
    latents = np.zeros_like(subject.latents)
    for name, value in latent.items():
        latents[:, :, 0 if name == "shared" else 1 + individual.PARAMETERS.index(name)] = value
    return AnatomyOnGrid(replace(subject, latents=latents), STILL)


def test_deep_grey_nuclei_of_the_real_t1_reach_the_simulated_contrasts() -> None:
    """Where the real T1 is brighter than its tissues' mean, T2 is darker than theirs."""
    plain = changed(0)
    own = render._own_tissues(plain)["gm"]
    brain = plain.brain
    full = (brain.gm > 0.7) & (brain.inside > 0.95)
    expected = render.GREY * brain.gm + render.WHITE * brain.wm + render.FLUID * brain.csf
    assert np.corrcoef(brain.t1[full] / expected[full], np.asarray(own.t1)[full])[0, 1] < -0.9
