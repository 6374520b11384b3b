"""A job as a worker of a cluster does it: checked for versions and folders, and ended when nobody waits for it."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import transmodal
from transmodal._version import __version__
from transmodal.errors import ResourceError
from transmodal.storage import files

DECIDING = ("torch", "numpy", "scipy", "SimpleITK", "nibabel", "pydicom", "distributed")
"""Packages whose versions decide the bytes of results, or whether jobs can travel."""

LOOK_SECONDS = 1.0
"""How often a worker looks whether its job is still wanted."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class SharedFolder(NamedTuple):
    """A folder that workers have to see.

    Attributes:
        path: absolute.
        mark: name of a file in it that is there for as long as jobs run; empty where none can be written.
    """

    path: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """Conditions that a worker has to meet.

    Attributes:
        versions: of the code and of packages, by name.
        folder: in which jobs run, the one of the process that asks for them.
        places: folders that are read and written.
    """

    versions: tuple[tuple[str, str], ...]
    folder: str
    places: tuple[SharedFolder, ...]


@cache
def versions() -> tuple[tuple[str, str], ...]:
    """Return the versions of this process: transmodal with the hash of its code, Python, and the packages that decide."""
    return (
        ("transmodal", f"{__version__}, code {_code_digest()}"),
        ("Python", platform.python_version()),
        *((name, _version_of(name)) for name in DECIDING),
    )


def check(terms: Terms, dask_worker: Any) -> None:  # noqa: ANN401 - a package without types
    """Refuse the terms where this process, a worker, does not meet them.

    Args:
        terms: of the process that asks.
        dask_worker: this worker; `Client.run` hands it to a parameter of this name.

    Raises:
        ResourceError: E409 for other versions, several jobs at a time in one process, or a folder that is not seen.
    """
    label = f"the worker {dask_worker.address} on {platform.node()}"
    own = dict(versions())
    for name, version in terms.versions:
        if own.get(name) != version:
            raise ResourceError(
                "E409",
                f"{label} has {name} {own.get(name)}",
                version,
                "Start scheduler and workers from the environment of this process.",
            )
    n_threads = dask_worker.state.nthreads
    if n_threads != 1:
        raise ResourceError(
            "E409",
            f"{label} works on {n_threads} jobs at a time in one process",
            "one",
            "Start workers by: dask worker --nthreads 1 --nworkers N",
        )
    for place in [SharedFolder(terms.folder), *terms.places]:
        if not (Path(place.path) / place.mark).exists():
            raise ResourceError(
                "E409",
                f"{label} does not see {place.path} of this machine",
                "a file system that all machines share, at the same path",
                "Put it on one, or use --scheduler local.",
            )


_check_once = lru_cache(maxsize=16)(check)


@dataclass(frozen=True, slots=True)
class Errand(Generic[Item, Result]):
    """A job that travels to a worker, with what has to hold there.

    Attributes:
        terms: that are checked first, in each process once.
        work: a function of a module.
        item: that it is called with.
    """

    terms: Terms
    work: Callable[[Item], Result]
    item: Item

    def __call__(self) -> Result:
        """Do the work.

        Raises:
            ResourceError: as `check`.
            BaseException: of the work.
        """
        worker = import_module("distributed").get_worker()
        _check_once(self.terms, worker)
        with _ending_unwanted(worker), _inside(self.terms.folder):
            return self.work(self.item)


@contextmanager
def _inside(folder: str) -> Iterator[None]:
    """Work in a folder, so that relative paths name what they name where they were written."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def _ending_unwanted(worker: Any) -> Iterator[None]:  # noqa: ANN401
    """End this process when nobody waits for its job any more: it was cancelled, or who asked for it is gone.

    A thread cannot be ended. What jobs write is whole or not there, and a nanny starts the next process; a worker without
    one goes on to the end of the job.
    """
    if not worker.nanny:
        yield
        return
    is_over = threading.Event()
    thread = threading.Thread(target=_watch, args=(worker, worker.get_current_task(), is_over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _watch(worker: Any, key: object, is_over: threading.Event) -> None:  # noqa: ANN401
    while not is_over.wait(LOOK_SECONDS):
        task = worker.state.tasks.get(key)
        if task is None or task.state == "cancelled":  # pragma: no cover - ends its process
            os._exit(143)


def _version_of(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"


def _code_digest() -> str:
    """Return the first digits of a hash over the package's modules: the same version may hold other code."""
    root = Path(transmodal.__file__).parent
    lines = [
        f"{path.relative_to(root).as_posix()} {files.sha256_file(path)}"
        for path in sorted(root.rglob("*.py"))
    ]
    return files.sha256_text("\n".join(lines))[:12]
