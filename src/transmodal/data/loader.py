"""Batches whose order and draws depend on seed, phase, epoch and step alone."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader

from transmodal.batch import Batch
from transmodal.data.dataset import WindowDataset, collate
from transmodal.errors import ResourceError, UsageError


def seed_of(*parts: int | str) -> int:
    """Return a 63-bit seed that depends on all parts and their order."""
    text = "/".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def steps_per_epoch(n: int, batch: int) -> int:
    """Return how many global batches `n` windows make; the last, incomplete one is left out."""
    return max(1, n // batch)


def batches(
    dataset: WindowDataset,
    *,
    seed: int,
    phase: str,
    epoch: int,
    batch: int,
    skip: int = 0,
    steps: int | None = None,
    step: int = 0,
    rank: int = 0,
    world: int = 1,
    workers: int = 0,
) -> Iterator[Batch]:
    """Yield one epoch's batches, or the rest of it.

    Skipping k batches gives the very batches that would have followed them; the shares of all ranks
    together are the batch of one process; nothing depends on the number of workers.

    Args:
        dataset: windows.
        seed: of the run.
        phase: name of the phase.
        epoch: number of the epoch within the phase.
        batch: size of the global batch.
        skip: batches of this epoch that are done.
        steps: batches of the whole epoch; None: as many as the windows make.
        step: number of the first yielded batch within the run.
        rank: of this process, from 0.
        world: number of processes, each of which reads an equal part of every batch.
        workers: processes that cut windows; 0 cuts here.

    Raises:
        UsageError: E004 when the batch cannot be shared evenly.
        ResourceError: E402 when a worker dies.
    """
    if batch % world:
        raise UsageError(
            "E004",
            f"a batch of {batch} for {world} processes",
            "a multiple of the processes",
            "Set training.batch to one.",
        )
    keys = _keys(len(dataset), (seed, phase, epoch), batch, steps)[skip:]
    part = batch // world if len(dataset) >= batch else None
    own = [one if part is None else one[rank * part : (rank + 1) * part] for one in keys]
    # An own generator: an iterator over a DataLoader draws from the global one otherwise.
    loader = DataLoader(
        dataset,
        batch_sampler=own,
        num_workers=workers,
        collate_fn=collate,
        generator=torch.Generator().manual_seed(0),
        persistent_workers=False,
        multiprocessing_context="fork" if workers else None,
        timeout=120 if workers else 0,
        worker_init_fn=_steadfast,
    )
    try:
        for number, one in enumerate(loader, start=step):
            yield one._replace(phase=phase, step=number)
    except RuntimeError as error:
        if "DataLoader" not in str(error):
            raise
        raise ResourceError(
            "E402",
            "a process that cuts windows died, most often for lack of memory",
            "processes that live",
            "Set training.workers=0, or lower it.",
        ) from error


def _steadfast(worker: int) -> None:
    """Leave it to the training process to act on signals.

    Batch systems and Ctrl-C reach every process of the group: workers that die of it would take the step that
    is under way, and with it the save, along.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _keys(n: int, parts: tuple[int, str, int], batch: int, steps: int | None) -> list[list[tuple[int, int]]]:
    """Return every batch's `(index, seed)`; more steps than one pass go on with a new permutation."""
    wanted = steps if steps is not None else steps_per_epoch(n, batch)
    size = min(batch, n)
    order: list[int] = []
    lap = 0
    while len(order) < wanted * size:
        shuffled = np.random.default_rng(seed_of(*parts, "order", lap)).permutation(n)
        order.extend(int(index) for index in shuffled[: n // size * size])
        lap += 1
    return [
        [
            (index, seed_of(*parts, "draw", number, place, index))
            for place, index in enumerate(order[number * size : (number + 1) * size])
        ]
        for number in range(wanted)
    ]
