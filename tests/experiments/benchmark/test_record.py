"""What is kept of a benchmark: hashes, figures per case, the hardware."""

from __future__ import annotations

import statistics
from typing import Any

import pytest

from transmodal.experiments.benchmark.suite import Suite
from transmodal.storage import files


def test_what_is_kept_says_how_it_came_about(done: Any, suite: Suite) -> None:  # noqa: ANN401
    content = done.result.content
    files.write_json(done.folder / "again.json", dict(content))  # it can be written
    assert content["seeds"] == [1, 2]
    assert content["budget"] == "4 steps"
    assert content["cohort"]["cases"] == {"train": 2, "validation": 1, "test": 2}
    assert content["hardware"]["cores"] >= 1
    assert content["entries"]["l1-alone"]["changes"] == ["settings.ssim_weight=0"]
    hashes = set()
    for entry in suite.entries:
        seeds = content["entries"][entry]["seeds"]
        means = []
        for one in seeds.values():
            assert one["steps"] == 4
            assert one["failure"] == ""
            hashes |= {one["recipe_sha256"], one["weights_sha256"]}
            assert len(one["figures"]["mae"]) == 2
            means.append(statistics.fmean(one["figures"]["mae"].values()))
        over = content["entries"][entry]["over_seeds"]["mae"]
        assert over["mean"] == pytest.approx(statistics.fmean(means), rel=1e-12)
        assert over["sd"] == pytest.approx(statistics.stdev(means), rel=1e-12)
    assert len(hashes) == 12
