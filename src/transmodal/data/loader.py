"""Batches whose order and draws depend on seed, phase, epoch and step alone."""

from __future__ import annotations

import hashlib
import re
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from transmodal.batch import Batch
from transmodal.data.dataset import WindowDataset, collate
from transmodal.errors import ResourceError, TransmodalError, UsageError
from transmodal.processes import death_error, ending_stopped, was_any_stopped, was_stopped

TIMEOUT_SECONDS = 120
"""How long a step waits for its windows."""

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
    """

    rank: int = 0
    world: int = 1
    workers: int = 0


WHOLE = Share()
"""The share of a process that trains alone."""


def seed_of(*parts: int | str) -> int:
    """Return a 63-bit seed that depends on all parts and their order."""
    text = "/".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def steps_per_epoch(n: int, batch: int) -> int:
    """Return how many global batches `n` windows make; the last, incomplete one is left out."""
    return max(1, n // batch)


def batches(
    dataset: WindowDataset, epoch: Epoch, share: Share = WHOLE, *, skip: int = 0, step: int = 0
) -> Generator[Batch, None, None]:
    """Yield one epoch's batches, or the rest of it.

    Skipping k batches gives the very batches that would have followed them; the shares of all ranks
    together are the batch of one process; nothing depends on the number of workers.

    Args:
        dataset: windows.
        epoch: which one.
        share: of this process.
        skip: batches of this epoch that are complete.
        step: number of the first yielded batch within the run.

    Raises:
        UsageError: E004 when the batch cannot be shared evenly.
        ResourceError: E402 when a worker dies, E405 when one is stopped or gives no windows.
        TransmodalError: that a worker met, such as E501 for an array that is damaged.
    """
    if epoch.batch % share.world:
        raise UsageError(
            "E004",
            f"a batch of {epoch.batch} for {share.world} processes",
            "a multiple of the processes",
            "Set training.batch to one.",
        )
    keys = [_shared_keys(part, epoch, share, len(dataset)) for part in _keys(len(dataset), epoch)[skip:]]
    iterator = iter(_loader(dataset, keys, share.workers))
    with _attended(iterator):
        try:
            for number, batch in enumerate(iterator, start=step):
                if isinstance(batch, TransmodalError):
                    raise batch
                yield batch._replace(phase=epoch.phase, step=number)
        except (RuntimeError, EOFError, ConnectionError, FileNotFoundError) as error:
            death = worker_death(error)
            if death is None:
                raise
            raise death from error


@contextmanager
def _attended(iterator: object) -> Iterator[None]:
    """Look after the processes of a DataLoader's iterator, and end them with the block.

    They ignore signals: an iterator that an error's traceback keeps alive would let the interpreter wait for them at
    its end, forever.
    """
    workers = [worker.pid for worker in getattr(iterator, "_workers", ())]
    if not workers:
        yield
        return
    try:
        with ending_stopped(lambda: workers):
            yield
    finally:
        iterator._shutdown_workers()  # type: ignore[attr-defined]  # has workers, so it has this


def worker_death(error: BaseException) -> ResourceError | None:
    """Return the error to raise where torch says that a process that cuts windows died; None for other errors.

    torch says so wherever the training process happens to be, so within a step, too.
    """
    message = str(error)
    # One that dies while it hands a window over breaks the connection, or leaves none, before torch can say so.
    is_broken = isinstance(error, (EOFError, ConnectionError, FileNotFoundError))
    if not is_broken and not (isinstance(error, RuntimeError) and message.startswith("DataLoader ")):
        return None
    if message.startswith("DataLoader timed out"):
        return ResourceError(
            "E405",
            f"the processes that cut windows gave none for {TIMEOUT_SECONDS} s",
            "a window in that time",
            "Look whether the cohort's disk answers, then start again: the last checkpoint is kept. "
            "training.workers=0 cuts windows in the training process.",
        )
    ids = [] if is_broken else [int(number) for number in re.findall(r"\d+", message)]
    cause = re.search(r"killed by signal: ([^.]*)", message)
    return death_error(
        f"a process that cuts windows died ({cause[1] if cause else 'it exited'})",
        was_stopped=was_any_stopped() if is_broken else any(was_stopped(number) for number in ids),
        advice="Most often memory ran out: set training.workers=0, or lower it, then start again: "
        "the last checkpoint is kept.",
    )


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


def _loader(dataset: WindowDataset, keys: list[Keys], workers: int) -> DataLoader[Batch | TransmodalError]:
    # An own generator: an iterator over a DataLoader draws from the global one otherwise.
    return DataLoader(
        _Windows(dataset),
        batch_sampler=keys,
        num_workers=workers,
        collate_fn=_collate,
        generator=torch.Generator().manual_seed(0),
        persistent_workers=False,
        multiprocessing_context="fork" if workers else None,
        timeout=TIMEOUT_SECONDS if workers else 0,
        worker_init_fn=_ignore_signals,
    )


def _ignore_signals(worker: int) -> None:
    """Leave it to the training process to act on signals.

    Batch systems and Ctrl-C reach every process of the group: workers that die of it would take the step that
    is under way, and with it the save, along.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


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
