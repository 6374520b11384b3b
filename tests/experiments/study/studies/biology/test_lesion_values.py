"""Lesions of one subject: every translator is held against the measured image."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from transmodal.cohorts.simulation.planted import PlantedLesion
from transmodal.experiments.study.studies.biology.lesion_values import measure_lesions
from transmodal.volumes import Volume

SHAPE = (30, 30, 30)
RNG = np.random.default_rng(1)


def ball(radius: float) -> np.ndarray:
    index = np.indices(SHAPE) - 15
    return (np.sqrt((index**2).sum(axis=0)) <= radius).astype(np.float32)


def image(values: np.ndarray) -> Volume:
    noisy = values + 0.01 * RNG.normal(size=SHAPE)
    return Volume(noisy.astype(np.float32), np.diag([2.0, 2, 2, 1]))


def test_a_kept_and_a_vanished_lesion() -> None:
    core = ball(4)
    white = np.ones(SHAPE, np.float32)
    planted = cast("Any", SimpleNamespace(lesions=lambda: [PlantedLesion(8.0, core)], white=white))
    measured = image(0.5 - 0.3 * core)
    false = np.zeros(SHAPE)
    false[2:7, 2:7, 2:7] = 1
    pairs = {
        "kept": (measured, image(0.5 - 0.3 * core)),
        "gone": (measured, image(np.full(SHAPE, 0.5))),
        "invented": (measured, image(0.5 - 0.3 * core - 0.3 * false)),
    }
    first, alike = measure_lesions(planted, pairs)
    assert first["radius_mm"] == 8.0
    synthetic = {key: figures["synthetic"] for key, figures in first["figures"].items()}
    assert synthetic["kept"]["contrast"] == pytest.approx(-0.3, abs=0.02)
    assert synthetic["gone"]["contrast"] == pytest.approx(0, abs=0.02)
    assert synthetic["gone"]["volume_ml"] == 0
    assert {key: counts["invented"] for key, counts in alike["look_alikes"].items()} == {
        "kept": 0,
        "gone": 0,
        "invented": 1,
    }
    nothing = cast("Any", SimpleNamespace(lesions=lambda: [], white=white))
    assert measure_lesions(nothing, pairs) == []
