"""What tests of several floors share: brains of any contrast, made of the embedded template's tissues in milliseconds."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

from examples import EXAMPLES
from forked_pools import forked_experiments, forked_pool
from transmodal import parallel
from transmodal.experiments import pool
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import resample, working_grid
from transmodal.volumes.regions import template

LEVELS = {
    "t1": (600, 450, 220),
    "t2": (300, 400, 650),
    "pd": (600, 670, 690),
    "flair": (500, 570, 180),
    "fa": (0.55, 0.2, 0.12),
}
"""What white matter, grey matter and fluid show."""

BrainOf = Callable[..., Volume]


def pytest_configure() -> None:
    """Let every process of a parallel run, and what it starts, compute on one thread: the processes fill the cores.

    Nothing waits for the disk: no test outlives a loss of power, and processes that are killed lose nothing of the cache.
    Processes of pools are forked from one that has imported the package.
    Properties are held by the same examples every time, however slow the machine is.
    """
    os.fsync = lambda _: None
    parallel._pool = forked_pool
    pool._pool = forked_experiments
    settings.register_profile(
        "house",
        max_examples=30,
        deadline=None,
        derandomize=EXAMPLES not in os.environ,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("house")
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Let what a test leaves to chance be the same in any order of tests, and on any worker."""
    torch.default_generator.manual_seed(0)


@pytest.fixture(scope="session")
def brain_of() -> BrainOf:
    """Return what makes a stripped brain of a contrast; subjects differ in size, place, noise and a little in tissue."""
    grid = working_grid(template.t1().grid, 3.0)
    white, grey, inside = (
        resample(v.with_voxels(v.voxels.astype(np.float32)), grid).voxels
        for v in (template.wm(), template.gm(), template.mask())
    )
    fluid = np.clip(inside - white - grey, 0, 1)

    def made(contrast: str, subject: int = 0) -> Volume:
        draw = np.random.default_rng([subject, *contrast.encode()])
        levels = np.array(LEVELS[contrast]) * draw.uniform(0.97, 1.03, 3)
        shown = levels[0] * white + levels[1] * grey + levels[2] * fluid
        noise = 0.02 * levels[0] * draw.standard_normal(shown.shape)
        if contrast == "fa":
            # Fibres cross and part: within white matter, FA varies by a third.
            noise += white * 0.15 * np.sin(np.indices(shown.shape).sum(axis=0) / 1.5)
        affine = grid.affine.copy()
        affine[:3, :3] *= draw.uniform(0.92, 1.0)
        affine[:3, 3] += draw.uniform(-10, 10, 3)
        return Volume((inside > 0.5) * np.maximum(shown + noise, 0).astype(np.float32), affine)

    return made
