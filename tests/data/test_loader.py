"""Batches: the same ones whatever the workers, the processes and the stops."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace

import pytest
import torch

from transmodal.batch import Batch
from transmodal.data import loader
from transmodal.data.dataset import WindowDataset
from transmodal.data.loader import Epoch, Loader, Share, batches, seed_of, steps_per_epoch
from transmodal.data.stream import Stream
from transmodal.errors import IntegrityError, UsageError
from transmodal.recipes.training_schema import Augment
from transmodal.storage.arrays import verified


def equal(one: Batch, other: Batch) -> bool:
    return all(
        torch.equal(a, b) if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor) else a == b
        for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(stream: Stream, workers: int) -> None:
    dataset = WindowDataset(replace(stream, augment=Augment(flip_lr=True, gain=0.1)))
    alone = list(batches(dataset, Epoch(4, "train", 1, 5)))
    shared = list(batches(dataset, Epoch(4, "train", 1, 5), Share(workers=workers)))
    assert len(alone) == steps_per_epoch(len(dataset), 5) == 4
    assert all(equal(a, b) for a, b in zip(alone, shared, strict=True))


def test_workers_live_on_between_epochs_and_end_when_one_is_left(stream: Stream) -> None:
    dataset, alone = WindowDataset(stream), WindowDataset(stream)
    kept = Loader(dataset, Share(workers=2))
    ids = []
    for number in (0, 1):
        epoch = Epoch(4, "train", number, 5)
        assert all(equal(a, b) for a, b in zip(kept.batches(epoch), batches(alone, epoch), strict=True))
        ids.append({worker.pid for worker in multiprocessing.active_children()})
    assert ids[0] == ids[1]
    assert len(ids[0]) == 2

    rest = kept.batches(Epoch(4, "train", 2, 5), skip=1)
    next(rest)
    rest.close()
    assert not multiprocessing.active_children()

    again = list(kept.batches(Epoch(4, "train", 2, 5), skip=1))
    assert len(again) == 3
    assert multiprocessing.active_children()
    kept.close()
    assert not multiprocessing.active_children()


def test_workers_that_begin_anew_cut_the_same(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "start_method", lambda: "spawn")
    dataset, epoch = WindowDataset(stream), Epoch(4, "train", 0, 5)
    alone = list(batches(dataset, epoch))  # what is mapped here does not travel
    shared = list(batches(dataset, epoch, Share(workers=1)))
    assert all(equal(a, b) for a, b in zip(alone, shared, strict=True))


def test_batches_are_pinned_where_that_is_asked_for(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    make = loader.DataLoader

    def record(*args: object, pin_memory: bool, **kwargs: object) -> object:
        asked.append(pin_memory)
        return make(*args, pin_memory=False, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(loader, "DataLoader", record)
    for is_pinned in (False, True):
        next(batches(WindowDataset(stream), Epoch(4, "train", 0, 5), Share(is_pinned=is_pinned)))
    assert asked == [False, True]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_an_error_of_a_window_comes_back_as_it_was_raised(
    stream: Stream, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(dataset: WindowDataset, key: tuple[int, int]) -> Batch:
        raise IntegrityError("E501", f"array {key[0] >= 0}", "a whole one", "Prepare again.")

    monkeypatch.setattr(WindowDataset, "__getitem__", refuse)
    with pytest.raises(IntegrityError, match=r"array True; expected a whole one\. Prepare again\.") as caught:
        list(batches(WindowDataset(stream), Epoch(4, "train", 0, 5), Share(workers=workers)))
    assert caught.value.code == "E501"


def test_workers_hash_no_array_again(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in batches(WindowDataset(stream), Epoch(4, "train", 0, 5), Share(workers=2)):
        pass
    # In this process nothing was opened: what the workers of the first epoch found whole is known to all.
    monkeypatch.setattr(verified, "_digest", lambda path, array: pytest.fail(f"{path} is hashed again"))
    epochs = [batches(WindowDataset(stream), Epoch(4, "train", n, 5), Share(workers=2)) for n in (1, 2)]
    assert [len(list(epoch)) for epoch in epochs] == [4, 4]


def test_skipping_is_having_done(stream: Stream) -> None:
    dataset = WindowDataset(stream)
    whole = list(batches(dataset, Epoch(4, "train", 0, 5), step=10))
    rest = list(batches(dataset, Epoch(4, "train", 0, 5), skip=2, step=12))
    assert all(equal(a, b) for a, b in zip(whole[2:], rest, strict=True))
    assert [one.step for one in rest] == [12, 13]


def test_shares_make_the_whole_batch(stream: Stream) -> None:
    dataset = WindowDataset(stream)
    whole = list(batches(dataset, Epoch(4, "train", 0, 6)))
    parts = [list(batches(dataset, Epoch(4, "train", 0, 6), Share(rank, 2))) for rank in (0, 1)]
    for one, first, second in zip(whole, *parts, strict=True):
        assert torch.equal(one.source, torch.cat([first.source, second.source]))
        assert one.draw is not None
        assert first.draw is not None
        assert second.draw is not None
        assert torch.equal(one.draw, torch.cat([first.draw, second.draw]))
    with pytest.raises(UsageError, match="2 processes"):
        next(batches(dataset, Epoch(4, "train", 0, 5), Share(world=2)))


def test_epochs_and_seeds_differ_and_the_global_generator_rests(stream: Stream) -> None:
    dataset = WindowDataset(stream)
    state = torch.random.get_rng_state()
    first = next(batches(dataset, Epoch(4, "train", 0, 5)))
    assert torch.equal(state, torch.random.get_rng_state())
    assert not equal(first, next(batches(dataset, Epoch(4, "train", 1, 5))))
    assert not equal(first, next(batches(dataset, Epoch(5, "train", 0, 5))))


def test_an_epoch_sees_each_window_once_and_a_longer_one_goes_on(stream: Stream) -> None:
    dataset = WindowDataset(stream)
    seen = [one.draw for one in batches(dataset, Epoch(4, "train", 0, 24))]
    assert len(seen) == 1
    longer = list(batches(dataset, Epoch(4, "train", 0, 24, steps=3)))
    assert len(longer) == 3
    assert not torch.equal(longer[0].source, longer[1].source)
    small = list(batches(dataset, Epoch(4, "train", 0, 100)))
    assert [len(one.source) for one in small] == [24]


def test_seeds_depend_on_every_part_and_their_order() -> None:
    seeds = {seed_of(1, "a"), seed_of("a", 1), seed_of(1, "b"), seed_of(2, "a"), seed_of("1", "a")}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert seed_of(1, "a") == seed_of(1, "a")


class Rotten(WindowDataset):
    def __getitem__(self, key: tuple[int, int]) -> Batch:
        raise IntegrityError("E501", "fa.npy is rotten", "a sound one", "Prepare again.")


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_ours_stays_itself(stream: Stream, workers: int) -> None:
    with pytest.raises(IntegrityError, match=r"fa\.npy is rotten") as caught:
        next(batches(Rotten(stream), Epoch(4, "train", 0, 5), Share(workers=workers)))
    assert caught.value.code == "E501"
