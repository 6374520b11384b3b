"""Resident volumes: the windows of the loader, cut on the device but for rounding; on the CPU by the same path."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from transmodal.data import dataset as dataset_module
from transmodal.data import resident
from transmodal.data.arrays import open_case
from transmodal.data.dataset import WindowDataset
from transmodal.data.loader import Epoch, Share, batches
from transmodal.data.resident import ResidentLoader, can_reside
from transmodal.data.stream import Stream
from transmodal.errors import UsageError
from transmodal.recipes.training_schema import Augment
from transmodal.volumes.windows.cut import Cutting

CPU = torch.device("cpu")


def plain(stream: Stream) -> Stream:
    """Return the stream with what resident volumes can have, a region that is not whole, and mirrored windows."""
    return replace(stream, needs=frozenset({"target"}), axes=(0, 1, 2), augment=Augment(flip_lr=True))


@pytest.mark.parametrize(
    "cutting",
    [
        Cutting("slice", size=(12, 12)),
        Cutting("slice", size=(6, 7)),
        Cutting("slice", size=(16, 13), fit="keep"),
        Cutting("slice", size=(20, 14), fit="ignore"),
        Cutting("slice", multiple=4),
    ],
)
def test_windows_are_those_of_the_loader(stream: Stream, cutting: Cutting) -> None:
    dataset = WindowDataset(replace(plain(stream), cutting=cutting, axes=(1,)))
    epoch = Epoch(4, "train", 1, 5)
    expected = list(batches(dataset, epoch, skip=1, step=7))
    loader = ResidentLoader(dataset, Share(), CPU)
    cut = list(loader.batches(epoch, skip=1, step=7))
    assert len(cut) == len(expected) > 1
    for own, other in zip(cut, expected, strict=True):
        assert (own.phase, own.step) == (other.phase, other.step)
        assert torch.equal(own.available, other.available)
        assert own.draw is not None
        assert other.draw is not None
        assert torch.equal(own.draw, other.draw)
        torch.testing.assert_close(own.source, other.source, rtol=0, atol=1e-5)
        torch.testing.assert_close(own.paired(), other.paired(), rtol=0, atol=1e-5)
    loader.close()
    assert len(list(loader.batches(epoch))) == len(expected) + 1


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_windows_of_every_axis_outside_of_the_region_are_background(
    stream: Stream, axis: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = replace(plain(stream), axes=(axis,))
    opened = open_case(own, own.cases[0].case)
    region = np.asarray(opened.sources[0]) > 0
    assert not region.all()
    for module in (resident, dataset_module):
        monkeypatch.setattr(module, "open_case", lambda own, case: opened._replace(region=region))
    dataset = WindowDataset(own)
    expected = list(batches(dataset, Epoch(4, "train", 0, 4)))
    cut = list(ResidentLoader(dataset, Share(), CPU).batches(Epoch(4, "train", 0, 4)))
    assert any((batch.source == -1).any() for batch in expected)
    for batch, other in zip(cut, expected, strict=True):
        torch.testing.assert_close(batch.source, other.source, rtol=0, atol=1e-5)
        torch.testing.assert_close(batch.paired(), other.paired(), rtol=0, atol=1e-5)


def test_shares_make_the_whole_batch(stream: Stream) -> None:
    dataset, epoch = WindowDataset(plain(stream)), Epoch(4, "train", 0, 4)
    whole = next(ResidentLoader(dataset, Share(), CPU).batches(epoch))
    parts = [next(ResidentLoader(dataset, Share(rank, 2), CPU).batches(epoch)) for rank in (0, 1)]
    assert torch.equal(whole.source, torch.cat([part.source for part in parts]))
    with pytest.raises(UsageError, match="2 processes"):
        next(ResidentLoader(dataset, Share(world=2), CPU).batches(Epoch(4, "train", 0, 5)))


def test_only_plain_streams_that_fit_reside(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    own = plain(stream)
    assert not can_reside(own, CPU)  # volumes gain nothing by lying there
    n_bytes = 3 * 9 * 11 * 8 * (2 + 2 + 4)
    monkeypatch.setattr(resident, "free_bytes", lambda device: 2 * n_bytes)
    assert can_reside(own, CPU)
    others = (
        stream,
        replace(own, augment=Augment(gain=0.1)),
        replace(own, cutting=Cutting("slab", size=(12, 12), depth=3)),
        replace(own, unpaired=True),
        replace(own, plane_channels=True),
    )
    assert not any(can_reside(other, CPU) for other in others)
    monkeypatch.setattr(resident, "free_bytes", lambda device: 2 * n_bytes - 2)
    assert not can_reside(own, CPU)
