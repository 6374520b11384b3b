"""The options of verbs whose work is spread: over processes of this machine, or over a dask cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes of this machine; 2 by default.")
]
Scheduler = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="Work on a dask cluster instead: tcp://HOST:PORT, the scheduler's file (.json), or local:N for one of N "
        "processes that is started here.",
    ),
]


@contextmanager
def working(
    scheduler: str, workers: int | None, default: int, places: Sequence[Path | None] = ()
) -> Iterator[int]:
    """Spread work over a cluster while the block runs, where one is named; yield the processes of this machine.

    Args:
        scheduler: the word of `--scheduler`; empty without.
        workers: the number of `--workers`; None where it was not said.
        default: the number then.
        places: files and folders that are read and written; None for those that were not named.

    Raises:
        UsageError: E004 for both a scheduler and workers; E001 as `cluster.crew.working_on`.
        ResourceError, InputError: as `cluster.crew.working_on`.
    """
    from transmodal.errors import UsageError

    if not scheduler:
        yield workers or default
        return
    if workers is not None:
        raise UsageError(
            "E004",
            f"--workers {workers} with --scheduler {scheduler}",
            "one of them: a cluster has workers of its own",
            "Leave --workers out; --scheduler local:N says how many processes are started here.",
        )
    from transmodal.cluster.crew import working_on

    with working_on(scheduler, [place for place in places if place is not None]):
        yield default
