from __future__ import annotations

import os
from concurrent.futures.process import BrokenProcessPool

import pytest

from transmodal import parallel


def test_one_item_needs_no_process() -> None:
    assert dict(parallel.spread(os.path.basename, {"a": "x/y"}, 4)) == {"a": "y"}


def test_a_pool_that_breaks_between_items_loses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def submit(self, *_: object) -> None:
            raise BrokenProcessPool

        def shutdown(self, *, cancel_futures: bool) -> None:
            assert cancel_futures

    monkeypatch.setattr(parallel, "_pool", lambda workers: Broken())
    monkeypatch.setattr(parallel, "_run_alone", lambda work, item, name: work(item))
    items = {"a": "x/1", "b": "x/2", "c": "x/3"}
    assert dict(parallel.spread(os.path.basename, items, 2)) == {"a": "1", "b": "2", "c": "3"}


@pytest.mark.parametrize(("set_before", "wanted"), [(None, "1"), ("3", "3")])
def test_processes_use_one_thread_each(
    monkeypatch: pytest.MonkeyPatch, set_before: str | None, wanted: str
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if set_before:
        monkeypatch.setenv("OMP_NUM_THREADS", set_before)
    items = {"a": "OMP_NUM_THREADS", "b": "OMP_NUM_THREADS"}
    found = dict(parallel.spread(os.getenv, items, 2))
    assert found == {"a": wanted, "b": wanted}
    assert os.environ.get("OMP_NUM_THREADS") == set_before
