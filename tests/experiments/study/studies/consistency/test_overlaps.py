"""Losses and gains are tested over subjects; structures that a subject lacks are told of."""

from __future__ import annotations

from typing import Any

import pytest

from transmodal.experiments.study.studies.consistency.overlaps import (
    ALL_STRUCTURES,
    GAIN,
    LOSS,
    NO_STRUCTURE,
    OverlapRow,
    overlap_figures,
    take_results,
    write_sentences,
)


def row_of(name: str, loss: float) -> OverlapRow:
    cases: list[dict[str, Any]] = []
    for n in range(8):
        synthetic = 0.9 - loss * (1 + 0.05 * n)
        dice = {
            "measured": {"1": 0.9, "2": 0.9},
            "synthetic": {"1": 0.9, "2": synthetic},
            "without": {"1": 0.9, "2": 0.4 + 0.01 * n},
        }
        cases.append({"patient": f"p{n}", "dice": dice})
    return OverlapRow(name, [cases])


def test_a_loss_is_tested_and_corrected() -> None:
    worse, same = take_results([row_of("worse", 0.2), row_of("same", 0.0)])
    assert worse.loss.mean == pytest.approx(-0.1 * 1.175)
    assert worse.p_loss == pytest.approx(4 * 2 / 2**8)
    assert (same.loss.mean, same.p_loss) == (0, 1)
    sentences = list(write_sentences([worse, same], "a judge"))
    assert "the Dice of a judge falls by 0.11" in sentences[0]
    assert "is not shown to fall, and is 0.2" in sentences[1]


def test_a_contrast_that_misleads_is_told_of() -> None:
    (worse,) = take_results(
        [row_of("invented", 0.7)]
    )  # 0.2 and less, where the other contrasts alone reach 0.4 and more
    (sentence,) = write_sentences([worse], "a judge")
    assert "below that without the contrast" in sentence
    assert "so that it misleads" in sentence
    (alike,) = take_results([row_of("alike", 0.5 / 1.175)])
    (sentence,) = write_sentences([alike], "a judge")
    assert "is not shown to differ from that without the contrast" in sentence


def test_every_structure_has_its_figures() -> None:
    row = row_of("unet", 0.2)
    del row.seeds[0][0]["dice"]["measured"]["1"]
    figures = {
        (figure.group, figure.figure): figure
        for figure in overlap_figures([row], take_results([row]), {2: "tumour"})
    }
    assert figures["tumour", LOSS].value == pytest.approx(-0.2 * 1.175)
    assert figures["tumour", GAIN].p is None
    assert figures["label 1", "measured"].note == NO_STRUCTURE
    assert ("label 1", LOSS) not in figures
    assert figures[ALL_STRUCTURES, LOSS].n == 8


def test_a_case_without_structures_has_no_result() -> None:
    row = row_of("unet", 0.2)
    for condition in ("measured", "synthetic", "without"):
        row.seeds[0][0]["dice"][condition] = {}
    assert take_results([row]) == []
