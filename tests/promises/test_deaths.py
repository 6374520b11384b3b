"""Deaths of processes of commands: all places and both signals have their turn, and the figures say what was not named."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from promises import page
from promises.deaths import LONGEST_S, PLACES, Death, Fate, deaths, run_deaths, tally
from promises.forge import Answer
from promises.table import read_promises

GOOD = Answer(0, 20.0, 0, is_left=False)


def test_deaths_go_over_all_places_and_both_signals() -> None:
    planned = deaths(2 * len(PLACES))
    assert set(planned) == {
        Death(place, number) for place in PLACES for number in (signal.SIGKILL, signal.SIGSTOP)
    }


def test_what_is_late_or_without_a_cause_or_without_an_end_is_no_success() -> None:
    planned = [Death("atlas", signal.SIGKILL)] * 4
    stuck = GOOD._replace(status=-signal.SIGKILL)
    fates = [
        Fate(1.0, GOOD, "done"),
        Fate(LONGEST_S + 1, GOOD, "late"),
        Fate(None, GOOD, "silent"),
        Fate(2.0, stuck, "stuck"),
    ]
    figures = tally(planned, fates)
    assert (figures["deaths"], figures["named"], figures["ended"]) == (4, 2, 3)
    assert figures["slowest_s"] == 31.0
    assert [fault.rpartition(": ")[2] for fault in figures["faults"]] == ["late", "silent", "stuck"]
    row = next(row for row in read_promises() if row.number == 15)
    shown = page.figure_of(row, {"deaths": {"figures": figures}})
    assert shown.startswith("2 of 4 deaths named with their cause within 30 s, the last after 31 s; 3 of")
    assert "atlas, SIGKILL 2 of 4" in shown


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs the processes of Linux")
def test_deaths_are_named() -> None:
    figures = run_deaths([Death("prepare", signal.SIGKILL), Death("atlas", signal.SIGSTOP)], seed=1)
    assert not figures["faults"]
    assert figures["named"] == figures["ended"] == 2
