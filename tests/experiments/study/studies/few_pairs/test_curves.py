"""Curves over the number of subjects: a planted fall and a planted difference are told, flat ones are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from transmodal.experiments.study.cells import text_table
from transmodal.experiments.study.record import StudyRecord
from transmodal.experiments.study.studies.few_pairs.budget import PairKind
from transmodal.experiments.study.studies.few_pairs.curves import (
    ENOUGH,
    GAIN,
    LESS,
    MORE,
    TABLES,
    PairCurve,
    draw_differences,
    draw_gains,
    draw_quality,
    tell,
)

RecordOf = Callable[..., StudyRecord]
SPREAD = np.array([[1.0, 1.3, 0.9, 1.1, 1.2, 0.8]])


def curve_of(row: str, *means: float, kind: PairKind = "pairs", n: int = 6) -> PairCurve:
    """Return a curve over 1, 2, 4 ... subjects; at each the patients differ a little in another order."""
    values = [mean + np.roll(SPREAD, shift)[:, :n] for shift, mean in enumerate(means)]
    counts = tuple(2**k for k in range(len(means)))
    return PairCurve(row, kind, counts, {"mae": values, "ssim": values})


def test_a_planted_effect_is_found() -> None:
    curve = curve_of("pix2pix", 9, 5, 2, 2)
    gain, enough = draw_gains([curve])
    assert (gain.figure, gain.value) == (GAIN, pytest.approx(7))
    assert (enough.figure, enough.value) == (ENOUGH, 4)
    (sentence,) = tell([curve], [])
    assert sentence.startswith("pix2pix, pairs, 1 to 8 subjects: the error falls by 7.00")
    assert len(list(draw_quality([curve]))) == 8


def test_nothing_is_found_where_nothing_was_planted() -> None:
    curve = curve_of("pix2pix", 2, 2, 2)
    assert curve.enough() == 1
    assert list(tell([curve], [])) == ["pix2pix, pairs, 1 to 4 subjects: the error is not shown to fall."]


def test_a_rise_is_told_as_one(record_of: RecordOf) -> None:
    """Where more subjects make it worse on the budget, the sentence says so and gives no negative fall."""
    curve = curve_of("cyclegan", 2, 4, 5.5)
    assert list(tell([curve], [])) == [
        "cyclegan, pairs, 1 to 4 subjects: the error rises by 3.50 (95 % interval 3.15 to 3.75) % of the target's range: "
        "on this budget of steps more subjects made it worse."
    ]
    record = record_of(*draw_gains([curve]), tables=[table for table in TABLES if table.name == MORE])
    (line,) = text_table(record, record.tables[0]).lines
    assert line[2].startswith("\N{MINUS SIGN}3.50 (")
    assert line[3] == "1"


def test_pairs_are_held_against_no_pairs_by_count() -> None:
    curves = [curve_of("pix2pix", 6, 2, 2), curve_of("cyclegan", 4, 4, 2, kind="no pairs")]
    differences = draw_differences(curves)
    assert [(f.figure, f.group, round(f.value or 0, 6)) for f in differences] == [
        (LESS, "1", 2.0),
        (LESS, "2", -2.0),
        (LESS, "4", 0.0),
    ]
    assert list(tell([], differences)) == [
        "pix2pix against cyclegan: the error is shown to be lower with 2 subjects; pix2pix against cyclegan: the error is "
        "shown to be greater with 1 subjects."
    ]
    same = draw_differences([curve_of("a", 2, 2), curve_of("b", 2, 2, kind="no pairs")])
    assert list(tell([], same)) == ["a against b: no difference is shown with any number of subjects."]


def test_half_pairs_are_held_against_the_same_pairs_and_against_all_images_without() -> None:
    curves = [
        curve_of("pix2pix", 6, 4),
        curve_of("cyclegan", 9, 5, kind="no pairs"),
        curve_of("half", 3, 4, kind="half-paired"),
    ]
    differences = draw_differences(curves)
    assert [(f.row, f.group, round(f.value or 0, 6)) for f in differences] == [
        ("pix2pix against cyclegan", "1", -3.0),
        ("pix2pix against cyclegan", "2", -1.0),
        ("half against pix2pix", "1", -3.0),
        ("half against pix2pix", "2", 0.0),
        ("half against cyclegan", "1", -2.0),  # less the 5 of all images
        ("half against cyclegan", "2", -1.0),
    ]
    assert next(draw_quality(curves[2:])).row == "half, half-paired"


def test_too_few_test_subjects_are_said_to_be_too_few() -> None:
    curve = curve_of("pix2pix", 9, 1, n=5)
    assert curve.enough() is None
    assert list(tell([curve], [])) == [
        "pix2pix, pairs, 1 to 2 subjects: too few test subjects to say what more bring."
    ]
    assert [figure.note for figure in draw_gains([curve])][1] == "too few to say"
