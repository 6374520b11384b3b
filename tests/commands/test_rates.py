"""Rates: by the verbs themselves, of cases after the first one."""

from __future__ import annotations

import tempfile
from itertools import count
from pathlib import Path

import pytest

from subject_files import write_blob
from transmodal import cli
from transmodal.cohorts.store import Cohort
from transmodal.commands._rates import _Laps, measure_rates
from transmodal.errors import InputError
from transmodal.recipes import load


def test_every_verb_has_its_rate_and_nothing_stays(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    n, rates = measure_rates(load.load("tiny.yaml", ["training.device=cpu"]), Cohort.open("cohort"))
    assert n == 4
    assert [rate.verb for rate in rates] == ["prepare", "translate", "evaluate"]
    assert all(rate.seconds > 0 and rate.n_bytes > 0 for rate in rates)
    assert list(place.iterdir()) == []


def test_rates_are_from_one_case_to_the_next() -> None:
    clock = count(10.0, 2.0)
    laps = _Laps(lambda: next(clock), ["a", "b", "c"])
    for n in range(1, 4):
        laps.advance("prepare", n, 3)
    for n in range(1, 4):
        laps.advance("a", n, 3)  # the windows of a case
    for n in range(1, 6):
        laps.advance("oracles", n, 5)
    for n in range(1, 4):
        laps.advance("page", n, 3)
    assert laps.per_case() == 2.0 + 2.0


def test_one_case_has_no_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_blob(Path("subjects/case-0"), 0)
    assert cli.run(["prepare", "folders", "subjects", "-o", "cohort", "--counts", "1:0:0"]) == 0
    with pytest.raises(InputError, match="1 case with t1, fa") as caught:
        measure_rates(load.load("t1-to-fa-small"), Cohort.open("cohort"))
    assert caught.value.code == "E132"
