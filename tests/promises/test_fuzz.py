"""Mutated files of every format come to an error of ours, or to what a second reading says; nothing else, and soon."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from promises import fuzz, page
from promises.corpus import all_entries
from promises.readers import FORMATS, read_ours
from promises.second_readings import SECOND
from promises.table import read_promises
from transmodal.errors import InputError

EXECUTIONS = {"checkpoint": 250, "cohort": 100, "dicom": 120}
"""By what one costs: each format takes a few seconds."""


@pytest.mark.parametrize("format_name", FORMATS)
def test_mutated_files(format_name: str) -> None:
    figures = fuzz.run_fuzz(EXECUTIONS.get(format_name, 400), formats=[format_name])[format_name]
    assert figures["failures"] == []
    assert figures["executions"] == EXECUTIONS.get(format_name, 400)
    assert sum(figures["refused"].values()) > 0.2 * figures["executions"]
    assert figures["accepted"] > 0


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda *_: 1 / 0, "ZeroDivisionError"),
        (lambda *_: warnings.warn("odd", stacklevel=1), "UserWarning"),
        (lambda *_: [None for _ in iter(int, 1)], "took more than"),
        (lambda *_: "another", "a second reading differs"),
    ],
)
def test_the_gate_would_notice(fault: object, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "read_ours", fault)
    monkeypatch.setattr(fuzz, "LONGEST_S", 0.05)
    figures = fuzz.run_fuzz(60 if words.startswith("a second") else 1, formats=["recipe"])["recipe"]
    assert words in figures["failures"][0]


def test_an_error_of_ours_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise InputError("E101", "x", "y", "z.")

    monkeypatch.setattr(fuzz, "read_ours", refuse)
    figures = fuzz.run_fuzz(3, formats=["recipe"])["recipe"]
    assert (figures["refused"], figures["failures"]) == ({"E101": 3}, [])


def test_runs_of_other_seeds_are_added_up() -> None:
    fresh = fuzz.run_fuzz(5, formats=["recipe"])
    once = fuzz.add_fuzz({}, {"seed": 1, "commit": "a"}, fresh)
    twice = fuzz.add_fuzz(once, {"seed": 2, "commit": "b"}, fresh)
    assert twice["recipe"]["executions"] == 10
    refused = fresh["recipe"]["refused"]
    assert twice["recipe"]["refused"] == {code: 2 * n for code, n in sorted(refused.items())}
    assert [(run["seed"], run["executions"]) for run in twice["runs"]] == [(1, 5), (2, 5)]
    row = next(row for row in read_promises() if row.number == 20)
    shown = page.figure_of(row, {"fuzz": {"figures": twice}})
    assert shown.startswith("10 inputs of 2 seeds (recipe 10): 0 foreign exceptions")


def test_no_second_reading_of_what_itk_does_not_inflate(tmp_path: Path) -> None:
    """Its voxels are then whatever memory holds, which differs from ours and says nothing."""
    name = "metaimage/compressed, of no declared size.mha"
    path = next(entry for entry in all_entries() if entry.name == name).write(tmp_path)
    assert read_ours("metaimage", path)
    with pytest.raises(ValueError, match="no declared size"):
        SECOND["metaimage"](path)


def test_an_execution_is_the_same_at_every_hour(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        fuzz.reproduce("dicom", 7, tmp_path / name)
    contents = [
        {path.name: path.read_bytes() for path in sorted((tmp_path / name).rglob("*")) if path.is_file()}
        for name in ("a", "b")
    ]
    assert contents[0]
    assert contents[0] == contents[1]
