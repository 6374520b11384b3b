"""Memory of a translation, told from shapes: it grows with the volume, batches shrink where it does not suffice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from small_models import model
from transmodal.errors import ResourceError
from transmodal.inference.memory import MemoryEstimate, Network, Sources, estimate, real_sources
from transmodal.storage import memory
from transmodal.volumes import Grid


@pytest.fixture
def network() -> Network:
    network = model({"axes": ["z"]}).network
    return network._replace(preprocessing=replace(network.preprocessing, batch=8))


def sources(network: Network, *sides: int) -> Sources:
    return real_sources(Grid((sides[0], sides[1], sides[2]), np.diag([2.0, 2, 2, 1])), network.preprocessing)


def test_sources_are_counted_as_real_values(network: Network) -> None:
    assert sources(network, 10, 20, 30)[1:] == (4 * 10 * 20 * 30, 1)


def test_the_largest_case_counts(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: None)
    small, large = sources(network, 16, 16, 8), sources(network, 64, 64, 40)
    assert estimate(network, [small]).more < estimate(network, [large]).more
    assert estimate(network, [small, large]).more == estimate(network, [large]).more
    assert estimate(network, []).more == 0
    on_a_card = network._replace(is_here=False)
    assert estimate(on_a_card, [large]).more < estimate(network, [large]).more


def test_batches_shrink_where_memory_does_not_suffice(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = [sources(network, 64, 64, 8)]
    monkeypatch.setattr(memory, "available", lambda: None)
    whole = estimate(network, case)
    assert whole.batch == 8
    monkeypatch.setattr(memory, "available", lambda: whole.more - 1)
    assert estimate(network, case).batch < 8
    monkeypatch.setattr(memory, "available", lambda: 1)
    assert estimate(network, case).batch == 1


def test_what_does_not_fit_is_refused_with_what_takes_less(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = MemoryEstimate(1 << 30, 3 << 30, 1)
    assert needed.peak == 4 << 30
    assert needed.line().startswith("memory: about 4 GiB at its peak, 3 GiB of it new")
    monkeypatch.setattr(memory, "available", lambda: 4 << 30)
    needed.check("translating", "Crop")
    monkeypatch.setattr(memory, "available", lambda: 2 << 30)
    with pytest.raises(ResourceError, match="translating takes about 3 GiB, and 2 GiB are free") as refused:
        needed.check("translating", "Crop")
    assert refused.value.code == "E402"
    assert refused.value.remedy.startswith("Crop; or")
