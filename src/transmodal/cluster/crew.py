"""Jobs on a dask cluster: handed out, taken back as they get done, cancelled when they are not wanted any more."""

from __future__ import annotations

import logging
import os
import re
import time
import uuid
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from transmodal.cluster.errand import Errand, SharedFolder, Terms, check, versions
from transmodal.cluster.local import local_cluster
from transmodal.errors import ResourceError, TransmodalError, UsageError
from transmodal.parallel import employing, name_of
from transmodal.processes import holding_signals
from transmodal.storage import files, orphans

CONNECT_SECONDS = 15.0
"""How long a scheduler has to answer, on a machine that may be busy."""

CLOSE_SECONDS = 5.0
"""How long it has to take leave; where it does not, it sees that the connection is gone."""

LOOK_SECONDS = 0.02
"""How often this process looks whether a job is done."""

FEWEST_UNDER_WAY = 64
"""Jobs that are handed out at once at least: by their number adaptive clusters see how many workers they need."""

_LOGS = ("asyncio", "distributed", "tornado")
"""Packages whose loggers are silent while a cluster works: an interruption makes dask's own callbacks fail now and then."""

_LOCAL = re.compile(r"local(?::([1-9]\d*))?")
_ADDRESS = re.compile(r"(tcp|tls)://[^\s/]+:\d+")

_log = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def working_on(scheduler: str, places: Sequence[Path] = ()) -> Iterator[None]:
    """Let the workers of a dask cluster do all work that is spread while the block runs.

    Args:
        scheduler: `tcp://host:port` or `tls://host:port` of one that runs, the file (`.json`) that it wrote its address
            into, or `local` or `local:N` for N processes of this machine, by default one per core; empty for the pools
            of this process.
        places: files and folders that are read and written, which workers have to see.

    Raises:
        UsageError: E001 for another word.
        ResourceError: E404 without dask, E408 for a scheduler that does not answer, or was lost while jobs ran, E409 for
            workers with other versions, several threads or another file system.
        InputError: E100 for a file that is not there.
    """
    if not scheduler:
        yield
        return
    local = _LOCAL.fullmatch(scheduler)
    address = "" if local else _address_of(scheduler)
    distributed = _import_distributed()
    with ExitStack() as stack:
        stack.enter_context(_quietly())
        if local:
            address = stack.enter_context(local_cluster(distributed, int(local[1] or _n_cores())))
        client = stack.enter_context(_client(distributed, address))
        stack.enter_context(employing(DaskCrew(distributed, client, tuple(places))))
        yield


class DaskCrew:
    """The workers of a cluster.

    A job whose worker dies is given to another one by the scheduler. A job on which several died is put aside, and done
    alone when all others are: only the one that ends its workers fails then, and is named.

    Args:
        distributed: the package.
        client: connected to the scheduler.
        places: files and folders that workers have to see.
    """

    def __init__(self, distributed: Any, client: Any, places: Sequence[Path] = ()) -> None:  # noqa: ANN401 - a package without types
        self._distributed = distributed
        self._client = client
        self._places = places

    def run(self, work: Callable[[Item], Result], items: Mapping[Key, Item]) -> Iterator[tuple[Key, Result]]:
        """Yield `(key, work(item))` as items get done, in no order.

        Raises:
            ResourceError: E402 naming an item whose workers died, E408 where the scheduler is lost, E409 for a worker that
                is not as this process is.
            BaseException: of the work.
        """
        if not items:
            return
        with _marked(self._places) as places:
            terms = Terms(versions(), str(Path.cwd()), places)
            self._check_workers(terms)
            suspects: list[Key] = []
            for key, result in self._run(terms, work, items, deque(items), self._n_under_way()):
                if isinstance(result, _Killed):
                    _log.warning(
                        "%s was on %s when they died: it is tried alone later.", name_of(key), result.workers
                    )
                    suspects.append(key)
                else:
                    yield key, result
            deaths: dict[Key, _Killed] = {}
            for key, result in self._run(terms, work, items, deque(suspects), 1):
                if isinstance(result, _Killed):
                    deaths[key] = result
                else:
                    yield key, result
            if deaths:
                raise _death(deaths)

    def _n_under_way(self) -> int:
        return max(FEWEST_UNDER_WAY, 2 * len(self._workers()))

    def _workers(self) -> Mapping[str, Any]:
        workers: Mapping[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        return workers

    def _check_workers(self, terms: Terms) -> None:
        """Refuse, before a job is handed out, workers that are not as this process is; those that come later do so."""
        if not self._workers():
            _log.warning(
                "the scheduler %s has no worker yet: waiting for one", self._client.scheduler.address
            )
            return
        answers = self._client.run(check, terms, on_error="return")
        for address, answer in sorted(answers.items()):
            if isinstance(answer, BaseException):
                raise _in_words(address, answer) from answer

    def _run(
        self,
        terms: Terms,
        work: Callable[[Item], Result],
        items: Mapping[Key, Item],
        waiting: deque[Key],
        most: int,
    ) -> Iterator[tuple[Key, Result | _Killed]]:
        """Yield results, or that a job's workers died, until all are done; when it is left, the others are cancelled."""
        group = f"transmodal-{uuid.uuid4().hex}"
        running: dict[Any, Key] = {}
        completions = self._distributed.as_completed(loop=self._client.loop)
        try:
            while waiting or running:
                while waiting and len(running) < most:
                    key = waiting.popleft()
                    errand = Errand(terms, work, items[key])
                    with holding_signals():
                        future = self._client.submit(
                            errand, key=(group, len(items) - len(waiting)), pure=False
                        )
                        running[future] = key
                        completions.add(future)
                future = _next(completions)
                key = running[future]
                result = self._result(future, key)
                del running[future]
                yield key, result
        finally:
            with suppress(Exception):  # a scheduler that is gone has cancelled them
                self._client.cancel(list(running), force=True)

    def _result(self, future: Any, key: Hashable) -> Any:  # noqa: ANN401 - of any work
        try:
            return future.result()
        except self._distributed.KilledWorker as error:
            return _Killed(f"{error.allowed_failures + 1} workers")
        except (CancelledError, self._distributed.client.FutureCancelledError) as error:
            raise ResourceError(
                "E408",
                f"the scheduler {self._client.scheduler.address} was lost while {name_of(key)} was under way",
                "one that runs until all is done",
                "Start it and its workers again, then this command: what is done is kept.",
            ) from error
        except (ImportError, AttributeError) as error:
            raise _in_words("", error) from error


def _next(completions: Any) -> Any:  # noqa: ANN401
    """Wait for a job that is done; Ctrl-C ends the wait, and never dask, whose threads would wait for its locks."""
    while not completions.has_ready():
        time.sleep(LOOK_SECONDS)
    with holding_signals():
        return next(completions)


class _Killed(NamedTuple):
    """A job during which several workers died, such as `4 workers`."""

    workers: str


def _death(deaths: Mapping[Key, _Killed]) -> ResourceError:
    """Return the error for jobs that ended their workers though they were alone."""
    names, workers = " or ".join(map(name_of, deaths)), next(iter(deaths.values())).workers
    return ResourceError(
        "E402",
        f"the processes that worked on {names} died, on {workers}",
        "a process that ends by itself",
        "Most often memory ran out: start workers that have more by dask worker --memory-limit; what is done is kept.",
    )


@contextmanager
def _marked(paths: Sequence[Path]) -> Iterator[tuple[SharedFolder, ...]]:
    """Leave a file in every folder for as long as the block runs, by which workers see that theirs is the same."""
    marks: dict[Path, tuple[Path, int | None]] = {}
    for folder in dict.fromkeys([Path.cwd(), *(_folder_of(path) for path in paths)]):
        with suppress(OSError):  # only read: that workers have one of its name has to do
            marks[folder] = orphans.create_file(folder, ".seen")
    folders = dict.fromkeys(_folder_of(path) for path in paths)
    shared_folders = [
        SharedFolder(str(folder), marks[folder][0].name if folder in marks else "") for folder in folders
    ]
    try:
        yield tuple(shared_folders)
    finally:
        for path, handle in marks.values():
            if handle is not None:
                os.close(handle)
            path.unlink(missing_ok=True)


def _folder_of(path: Path) -> Path:
    """Return the folder that a path is, or the nearest above it that there is."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _in_words(address: str, error: BaseException) -> Exception:
    """Return what a worker answered as an error that says what to do; one without this code cannot even be asked."""
    if isinstance(error, ImportError | AttributeError):
        return ResourceError(
            "E409",
            f"the worker {address} cannot import what this process has: {error}".replace("  ", " "),
            "the same transmodal",
            "Start scheduler and workers from the environment of this process.",
        )
    return error if isinstance(error, Exception) else RuntimeError(str(error))


def _address_of(word: str) -> str:
    if _ADDRESS.fullmatch(word):
        return word
    if word.endswith(".json"):
        address = files.read_json(Path(word)).get("address")
        if isinstance(address, str) and _ADDRESS.fullmatch(address):
            return address
        raise UsageError(
            "E001",
            f"{word} without an address",
            "the file that dask scheduler --scheduler-file writes",
            "Name it.",
        )
    raise UsageError(
        "E001",
        f"--scheduler {word}",
        "tcp://HOST:PORT, tls://HOST:PORT, a scheduler's file (.json), local or local:N",
        "Start one with: dask scheduler",
    )


def _import_distributed() -> Any:  # noqa: ANN401
    try:
        return import_module("distributed")
    except ImportError as error:
        raise ResourceError(
            "E404", "--scheduler without dask", "dask and distributed", "pip install 'transmodal[cluster]'"
        ) from error


@contextmanager
def _client(distributed: Any, address: str) -> Iterator[Any]:  # noqa: ANN401
    """Connect to a scheduler."""
    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False, name="transmodal")
    except (OSError, ValueError, TypeError) as error:
        if isinstance(error, TransmodalError):
            raise
        reason = " ".join(str(error).split()).partition(";")[0]
        raise ResourceError(
            "E408",
            f"the scheduler {address} does not answer: {reason or type(error).__name__}",
            "one that runs and that this machine can reach",
            "Start one with: dask scheduler, or correct the address; --scheduler local needs none.",
        ) from error
    try:
        yield client
    finally:
        with suppress(
            TimeoutError, OSError
        ):  # the work is done, whether the scheduler hears of it in time or not
            client.close(timeout=CLOSE_SECONDS)


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep the logs of dask and of its event loop, of connections, restarts and interruptions, out of ours."""
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in _LOGS]
    levels = {name: logging.getLogger(name).level for name in names}
    try:
        for name in names:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _n_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
