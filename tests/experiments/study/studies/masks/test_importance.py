"""Masks left open: names, and the error is that of the network without them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.scored import score_entrants
from transmodal.experiments.study.studies.masks.answer import Options
from transmodal.experiments.study.studies.masks.importance import (
    EvenMask,
    LeftOut,
    OpenMask,
    n_masks,
    name_of,
    score_without,
)

BenchOf = Callable[..., Bench[Options]]


def test_names_say_what_is_left_out() -> None:
    assert [name_of(masks, "left open") for masks in ((), (1,), (0, 1, 2))] == [
        "whole",
        "mask 2 left open",
        "all masks left open",
    ]
    assert name_of((0,), "made even") == "mask 1 made even"


def test_the_whole_network_has_the_error_of_its_evaluation(bench_of: BenchOf) -> None:
    bench = bench_of("mrnet")
    run = bench.entrants[0]
    scored = score_entrants(bench, bench.entrants)[run.label]
    assert n_masks(run) == 2
    whole, bare = (
        score_without(LeftOut(run, scored.folder, bench.cohort.folder, masks, "left open", "cpu"))["values"]
        for masks in ((), (0, 1))
    )
    rows = {
        row.patient: row.value
        for row in scored.content.rows
        if row.metric == "mae" and scored.content.protocols[row.protocol].region == "mask"
    }
    assert whole == pytest.approx(rows)
    assert bare != pytest.approx(rows)


def test_an_open_mask_is_one_and_an_even_one_its_mean_everywhere() -> None:
    assert OpenMask()(torch.zeros(1, 1, 2, 2)).tolist() == [[[[1, 1], [1, 1]]]]
    image = torch.tensor([[[[0.0, 1.0], [2.0, 5.0]], [[1.0, 1.0], [1.0, 1.0]]]])
    even = EvenMask(torch.nn.Identity())(image)
    assert even.tolist() == [[[[2, 2], [2, 2]], [[1, 1], [1, 1]]]]
