"""Captions say metric, unit, patients and cohort; headings say the direction."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from transmodal.evaluation.compare.captions import metric_heading, metric_title, table_caption, table_notes
from transmodal.evaluation.compare.compare import compare
from transmodal.notice import INTENDED_USE

Maker = Any


def test_a_caption_names_patients_split_and_cohort(make: Maker) -> None:
    comparison = compare(make.pair())
    assert table_caption(comparison) == (
        f"MAE (HU) on 8 patients of the test split of the cohort mine ({'d' * 12})."
    )
    assert table_caption(replace(comparison, patients=("one",))).startswith("MAE (HU) on 1 patient of")


def test_headings_say_which_way_is_better_and_dimensions_where_both_are_there(make: Maker) -> None:
    comparison = compare(make.pair())
    assert metric_heading(comparison, comparison.primary) == "MAE (HU) ↓"
    assert metric_heading(comparison, comparison.secondary[0]) == "PSNR (dB) ↑"
    flat = comparison.primary._replace(dims=2)
    both = replace(comparison, secondary=(flat,))
    assert [metric_title(both, metric) for metric in (both.primary, flat)] == ["MAE 3D (HU)", "MAE 2D (HU)"]


def test_notes_begin_with_protocols_and_end_with_the_intended_use(make: Maker) -> None:
    comparison = compare(make.pair())
    notes = table_notes(comparison)
    assert notes[0] == f"MAE: {comparison.primary.protocol}."
    assert comparison.method in notes
    assert notes[-1] == INTENDED_USE
