"""Batches whose order and draws depend on seed, phase, epoch and step alone."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from transmodal.batch import Batch
from transmodal.data.dataset import WindowDataset, collate
from transmodal.data.workers import TIMEOUT_SECONDS, attended, end, ignore_signals, start_method, worker_death
from transmodal.errors import TransmodalError, UsageError

Keys = list[tuple[int, int]]
"""A batch's windows: `(index, seed)` of each."""


class Epoch(NamedTuple):
    """One epoch of a run: which windows are in which of its batches.

    Attributes:
        seed: of the run.
        phase: name of the phase.
        number: of the epoch within the phase.
        batch: size of the global batch.
        steps: batches of the whole epoch; None: as many as the windows make.
    """

    seed: int
    phase: str
    number: int
    batch: int
    steps: int | None = None


class Share(NamedTuple):
    """A process's share of every batch.

    Attributes:
        rank: of this process, from 0.
        world: number of processes, each of which reads an equal part.
        workers: processes that cut windows; 0 cuts here.
        is_pinned: whether batches lie in memory that a card copies from while the processor goes on.
    """

    rank: int = 0
    world: int = 1
    workers: int = 0
    is_pinned: bool = False


WHOLE = Share()
"""The share of a process that trains alone."""


def seed_of(*parts: int | str) -> int:
    """Return a 63-bit seed that depends on all parts and their order."""
    text = "/".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def steps_per_epoch(n: int, batch: int) -> int:
    """Return how many global batches `n` windows make; the last, incomplete one is left out."""
    return max(1, n // batch)


class Loader:
    """Batches of a dataset, epoch after epoch, cut by processes that live on between epochs.

    Skipping k batches gives the very batches that would have followed them; the shares of all ranks
    together are the batch of one process; nothing depends on the number of workers.

    Args:
        dataset: windows; what it is changed to after the first epoch does not reach the workers.
        share: of this process.
    """

    def __init__(self, dataset: WindowDataset, share: Share = WHOLE) -> None:
        self._dataset, self._share = dataset, share
        self._keys: list[Keys] = []
        self._loader: DataLoader[Batch | TransmodalError] | None = None
        self._iterator: Iterator[Batch | TransmodalError] | None = None

    def batches(self, epoch: Epoch, *, skip: int = 0, step: int = 0) -> Generator[Batch, None, None]:
        """Yield one epoch's batches, or the rest of it; left before its end, the workers end, too.

        Args:
            epoch: which one.
            skip: batches of this epoch that are complete.
            step: number of the first yielded batch within the run.

        Raises:
            UsageError: E004 when the batch cannot be shared evenly.
            ResourceError: E402 when a worker dies, E405 when one is stopped or gives no windows.
            TransmodalError: that a worker met, such as E501 for an array that is damaged.
        """
        self._keys[:] = plan_epoch(len(self._dataset), epoch, self._share, skip)
        is_over = False
        try:
            with closing(self._read()) as items:
                for number, batch in enumerate(items, start=step):
                    if isinstance(batch, TransmodalError):
                        raise batch
                    yield batch._replace(phase=epoch.phase, step=number)
            is_over = True
        except (RuntimeError, EOFError, ConnectionError, FileNotFoundError) as error:
            death = worker_death(error)
            if death is None:
                raise
            raise death from error
        finally:
            if not is_over:
                self.close()

    def close(self) -> None:
        """End the workers; another epoch starts new ones."""
        end(self._iterator)
        self._loader = self._iterator = None

    def _read(self) -> Generator[Batch | TransmodalError, None, None]:
        if self._loader is None:
            self._loader = _loader(self._dataset, self._keys, self._share)
        self._iterator = iterator = iter(self._loader)
        with attended(iterator) as vigil:
            while True:
                with vigil.waiting():
                    item = next(iterator, None)
                if item is None:
                    return
                yield item


def batches(
    dataset: WindowDataset, epoch: Epoch, share: Share = WHOLE, *, skip: int = 0, step: int = 0
) -> Generator[Batch, None, None]:
    """Yield one epoch's batches, or the rest of it, as `Loader.batches` does, by workers of their own."""
    with closing(Loader(dataset, share)) as loader:
        yield from loader.batches(epoch, skip=skip, step=step)


def plan_epoch(n_windows: int, epoch: Epoch, share: Share, skip: int) -> list[Keys]:
    """Return the windows of a process's part of each batch that an epoch still has.

    Raises:
        UsageError: E004 when the batch cannot be shared evenly.
    """
    if epoch.batch % share.world:
        raise UsageError(
            "E004",
            f"a batch of {epoch.batch} for {share.world} processes",
            "a multiple of the processes",
            "Set training.batch to one.",
        )
    return [_shared_keys(keys, epoch, share, n_windows) for keys in _keys(n_windows, epoch)[skip:]]


class _Windows(Dataset[Batch | TransmodalError]):
    """Windows of which one that cannot be read is an error in its place.

    The data loader of torch makes a text of an error that its workers raise; returned, it comes back whole.
    """

    def __init__(self, dataset: WindowDataset) -> None:
        self._dataset = dataset

    def __getitem__(self, key: tuple[int, int]) -> Batch | TransmodalError:
        try:
            return self._dataset[key]
        except TransmodalError as error:
            return error


def _collate(items: list[Batch | TransmodalError]) -> Batch | TransmodalError:
    """Stack items into a batch; return the first error where there is one."""
    errors = [item for item in items if isinstance(item, TransmodalError)]
    return errors[0] if errors else collate([item for item in items if not isinstance(item, TransmodalError)])


def _loader(dataset: WindowDataset, keys: list[Keys], share: Share) -> DataLoader[Batch | TransmodalError]:
    workers = share.workers
    # An own generator: an iterator over a DataLoader draws from the global one otherwise.
    return DataLoader(
        _Windows(dataset),
        batch_sampler=keys,
        num_workers=workers,
        collate_fn=_collate,
        generator=torch.Generator().manual_seed(0),
        persistent_workers=workers > 0,
        pin_memory=share.is_pinned,
        multiprocessing_context=start_method() if workers else None,
        timeout=TIMEOUT_SECONDS if workers else 0,
        worker_init_fn=ignore_signals,
    )


def _shared_keys(keys: Keys, epoch: Epoch, share: Share, n_windows: int) -> Keys:
    """Return a process's part of a batch; all of it where there are fewer windows than the batch has room for."""
    if n_windows < epoch.batch:
        return keys
    size = epoch.batch // share.world
    return keys[share.rank * size : (share.rank + 1) * size]


def _keys(n: int, epoch: Epoch) -> list[Keys]:
    """Return every batch's keys; more steps than one pass go on with a new permutation."""
    parts = (epoch.seed, epoch.phase, epoch.number)
    n_batches = epoch.steps if epoch.steps is not None else steps_per_epoch(n, epoch.batch)
    size = min(epoch.batch, n)
    order: list[int] = []
    lap = 0
    while len(order) < n_batches * size:
        shuffled = np.random.default_rng(seed_of(*parts, "order", lap)).permutation(n)
        order.extend(int(index) for index in shuffled[: n // size * size])
        lap += 1
    return [
        [
            (index, seed_of(*parts, "draw", number, place, index))
            for place, index in enumerate(order[number * size : (number + 1) * size])
        ]
        for number in range(n_batches)
    ]
