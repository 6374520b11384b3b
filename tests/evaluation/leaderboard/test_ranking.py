"""Models are ranked by their mean, with intervals of ranks; what was not scored alike is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from transmodal.errors import InputError, TransmodalError, UsageError
from transmodal.evaluation.leaderboard.ranking import rank, rank_intervals

Write = Callable[..., Path]


def test_models_are_ranked_and_oracles_stand_among_them(write_entry: Write) -> None:
    board = rank([write_entry("fair", 10), write_entry("good", 0), write_entry("bad", 60)], resamples=500)
    assert [(entry.name, entry.rank) for entry in board.entries] == [
        ("good", 1),
        ("fair", 2),
        ("mean_target", None),
        ("bad", 3),
    ]
    assert [entry.ranks and (entry.ranks.best, entry.ranks.worst) for entry in board.entries] == [
        (1, 1),
        (2, 2),
        None,
        (3, 3),
    ]
    assert [entry.origin for entry in board.entries][2:] == ["oracle", "volumes of another program"]
    assert board.verification(0) == "without volumes"
    assert board.to_json()["entries"][0]["evaluation"] == 1


def test_models_that_cannot_be_told_apart_share_their_ranks(write_entry: Write) -> None:
    board = rank([write_entry("aa", 0.0), write_entry("ab", 0.1), write_entry("zz", 30)], resamples=500)
    first, second, third = (entry for entry in board.entries if entry.rank is not None)
    assert first.ranks is not None
    assert second.ranks is not None
    assert third.ranks is not None
    assert (first.ranks.best, second.ranks.worst) == (1, 2)
    assert first.ranks.worst == 2
    assert second.ranks.best == 1
    assert 0 < first.ranks.first < 1
    assert third.ranks == (3, 3, 0.0)


def test_equal_means_have_one_rank() -> None:
    losses = {"a": np.arange(8.0), "b": np.arange(8.0), "c": np.arange(8.0) + 1}
    ranges = rank_intervals(losses, 200, 1)
    assert ranges["a"] == ranges["b"] == (1, 1, 1.0)
    assert ranges["c"] == (3, 3, 0.0)


def test_few_patients_have_no_interval(write_entry: Write) -> None:
    board = rank([write_entry("good", 0, patients=5), write_entry("bad", 60, patients=5)])
    assert all(entry.ranks is None for entry in board.entries)
    assert any("5 patients" in note for note in board.notes)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"digest": "e" * 64}, "has the cohort heads (dddddddddddd), "),
        ({"data_range": 4000}, "data range 4024"),
        ({"patients": 6}, "case case-6 of patient P6"),
    ],
)
def test_what_was_not_scored_alike_is_refused_by_name(
    write_entry: Write, change: dict[str, object], part: str
) -> None:
    ours, theirs = write_entry("ours", 0), write_entry("theirs", 0, **change)
    with pytest.raises(UsageError) as refused:
        rank([ours, theirs])
    assert refused.value.code == "E004"
    assert part in refused.value.got
    assert "entry-ours" in refused.value.got


def test_what_cannot_be_ranked_is_refused(write_entry: Write, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no evaluation"):
        rank([])
    with pytest.raises(InputError, match="evaluation"):
        rank([tmp_path])
    entry = write_entry("good", 0)
    with pytest.raises(UsageError, match="the metric ssim") as refused:
        rank([entry], metric="ssim")
    assert refused.value.code == "E002"
    same = {"volumes_sha256": "f" * 64}
    with pytest.raises(UsageError, match="are the same volumes"):
        rank([write_entry("one", 0, record=same), write_entry("two", 1, record=same)])
    path = entry / "evaluation.json"
    content = json.loads(path.read_text())
    content["rows"][0]["value"] -= 10
    path.write_text(json.dumps(content))
    with pytest.raises(TransmodalError, match="the mean of mae of good"):
        rank([entry])


def test_an_oracle_stands_once_though_one_evaluation_took_more_figures(write_entry: Write) -> None:
    board = rank([write_entry("good", 0, has_more=True), write_entry("fair", 10)])
    assert [entry.name for entry in board.entries] == ["good", "fair", "mean_target"]
    assert not any(
        "what it learned from is not recorded" in note for note in board.notes
    )  # their own notes say it
