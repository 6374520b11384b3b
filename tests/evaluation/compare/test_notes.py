"""A comparison says what limits it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from transmodal.errors import InputError
from transmodal.evaluation.compare import table
from transmodal.evaluation.compare.compare import compare

Maker = Any


def test_below_six_patients_the_table_says_why_there_is_no_test(make: Maker) -> None:
    runs = [
        make("a", {"a": make.good[:5]}, {"a": make.record()}),
        make("b", {"b": make.bad[:5]}, {"b": make.record(recipe_sha256="b" * 64)}),
    ]
    comparison = compare(runs)
    assert all(one.p is None and one.description.of_mean is None for one in comparison.rows)
    assert comparison.notes[0].startswith("No test and no interval: with 5 patients")
    assert "0.0625" in table.markdown(comparison)
    assert "Wilcoxon" not in comparison.method


def test_what_a_reader_has_to_know_is_said(make: Maker) -> None:
    task = replace(make.task, split="validation", simulated=("ct",), notes=("Virtual subjects.",))
    run = make("run", {"unet": make.good}, {"unet": make.record()}, task=task)
    notes = compare([run]).notes
    assert "Virtual subjects." in notes
    assert "Simulated, measured by no scanner: ct." in notes
    assert any(note.startswith("Validation split") for note in notes)
    gpu = make("gpu", {"g": make.bad}, {"g": make.record(recipe_sha256="b" * 64, device="cuda:0")}, task=task)
    assert any("different devices (cpu, cuda:0)" in note for note in compare([run, gpu]).notes)


def test_without_timing_the_table_says_so_and_a_broken_one_is_refused(make: Maker) -> None:
    run = make("run", {"unet": make.good}, {"unet": make.record()})
    timing = run / "evaluation" / "timing.json"
    timing.write_text('{"seconds": {"unet": 3}}')
    with pytest.raises(InputError, match=r"timing\.json: it does not hold seconds"):
        compare([run])
    timing.unlink()
    assert any(note == "Time per volume not recorded: unet." for note in compare([run]).notes)
