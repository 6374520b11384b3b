from __future__ import annotations

from transmodal.cohorts.options import PrepareOptions, SplitOptions
from transmodal.cohorts.split.request import SplitRequest


def test_what_a_request_leaves_open_stays() -> None:
    former = PrepareOptions(ratios=(2, 1, 1), seed=7, fold=(0, 3), copies="warn", keep_going=True)
    assert SplitRequest().update_options(former) == former
    assert SplitRequest(copies="ignore").update_options(former).copies == "ignore"
    updated = SplitRequest(SplitOptions(counts=(4, 1, 1), seed=9)).update_options(former)
    assert (updated.ratios, updated.counts, updated.seed, updated.fold) == ((8, 1, 1), (4, 1, 1), 9, None)
    assert (updated.copies, updated.keep_going) == ("warn", True)


def test_without_relations_entries_stay() -> None:
    assert SplitRequest().relate([]) == []
