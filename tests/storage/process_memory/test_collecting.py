from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from transmodal.storage.process_memory.collecting import pause_collecting


@pytest.fixture
def collector() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


@pytest.mark.usefixtures("collector")
def test_the_collector_is_off_meanwhile_and_on_again_after_an_error() -> None:
    with pause_collecting():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ValueError, match="no JSON"), pause_collecting():
        raise ValueError("no JSON")
    assert gc.isenabled()


@pytest.mark.usefixtures("collector")
def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    with pause_collecting(), pause_collecting():
        pass
    assert not gc.isenabled()
