"""Windows of a case: those that a run translates, with the labels of their own place."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from transmodal.cohorts.store import Cohort
from transmodal.experiments.study.entrants import plan_trials, train_entrants
from transmodal.experiments.study.windows import network_windows
from transmodal.inference.load import load


def test_slices_with_enough_of_the_mask_come_with_their_labels(
    cohort: Path, recipe: Path, tmp_path: Path
) -> None:
    trials = plan_trials([str(recipe)], [], [1], cohort, tmp_path / "runs")
    store = Cohort.open(cohort)
    (folder,) = train_entrants(trials, store).values()
    model, case = load(folder, device="cpu"), store.cases("test")[0]
    windows = list(network_windows(model, case, 1, 20))
    areas = [int((window.labels > 0).sum()) for window in windows]
    assert min(areas) >= 20
    assert len(windows) < case.grid.shape[2]
    assert all(window.source.shape[1:] == window.labels.shape for window in windows)
    labels = case.segmentation()
    assert labels is not None
    counts = [int(n) for n in (labels > 0).sum(axis=(0, 1)) if n >= 20]
    assert areas == counts
    inside, outside = (
        np.concatenate([window.source[0][(window.labels > 0) == side] for window in windows])
        for side in (True, False)
    )
    assert inside.mean() > outside.mean()
    every = list(network_windows(model, case, 3, 20))
    assert [window.labels.sum() for window in every] == [window.labels.sum() for window in windows[::3]]
