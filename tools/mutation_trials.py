"""The trial of a mutant: its tests run against a copy of the package, in a process forked from one that has imported the rest."""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "transmodal"
_OTHERS = (
    "torch",
    "nibabel",
    "SimpleITK",
    "scipy.ndimage",
    "pydicom",
    "pydantic",
    "PIL.Image",
    "skimage.metrics",
    "pytest",
)
KILLED, SURVIVED, SLOW = "killed", "survived", "slow"
_PATIENCE_SECONDS = 600.0  # for tests that use no processor: a mutant may wait for what never comes


class Mutant(NamedTuple):
    """A changed module.

    Attributes:
        module: path below the package.
        code: of the whole module, changed.
        change: the lines that differ.
    """

    module: str
    code: str
    change: str


def try_mutant(mutant: Mutant, tests: Sequence[str], source: Path, limit: float) -> str:
    """Return whether a mutant is killed by its tests, survives them, or takes so long that it counts as killed."""
    path = source / "transmodal" / mutant.module
    before = path.read_text(encoding="utf-8")
    path.write_text(mutant.code, encoding="utf-8")
    try:
        status, _ = _run(source, tests, limit)
    finally:
        path.write_text(before, encoding="utf-8")
    return SLOW if status is None else SURVIVED if status == 0 else KILLED


@contextlib.contextmanager
def copy_of_package() -> Iterator[Path]:
    """Give a copy of the package that mutants are written into."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(SOURCE, Path(folder) / "transmodal", ignore=shutil.ignore_patterns("__pycache__"))
        yield Path(folder)


def limit_of(source: Path, tests: Sequence[str]) -> float:
    """Return how many seconds of processor time tests may take: ten times what they take of unchanged code.

    Raises:
        SystemExit: when they fail there.
    """
    status, seconds = _run(source, tests, 600.0)
    if status:
        raise SystemExit(f"{', '.join(tests)} fail on code that nobody changed")
    return 10 + 10 * seconds


def _run(source: Path, tests: Sequence[str], limit: float) -> tuple[int | None, float]:
    """Run test files against a copy of the package, in a child; return the status, none beyond the limit, and the seconds: of the processor, so that nothing beside this makes a mutant slow."""
    begun = time.monotonic()
    child = os.fork()
    if not child:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit), math.ceil(limit) + 5))
        _become(source, tests)
    while time.monotonic() - begun < _PATIENCE_SECONDS:
        number, code, used = os.wait4(child, os.WNOHANG)
        if number:
            status = os.waitstatus_to_exitcode(code)
            seconds = used.ru_utime + used.ru_stime
            return None if status in (-signal.SIGXCPU, -signal.SIGKILL) else status, seconds
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None, time.monotonic() - begun


def _become(source: Path, tests: Sequence[str]) -> None:
    status = 70
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(source))
        os.environ["PYTHONPATH"] = str(source)
        import pytest

        words = [
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(ROOT),
            "-c",
            str(ROOT / "pyproject.toml"),
        ]
        status = int(pytest.main([*words, *(str(ROOT / "tests" / test) for test in tests)]))
    finally:
        os._exit(status)


def import_others() -> None:
    """Import what the package and its tests stand on, so that no child has to; the package itself is imported by the child."""
    for name in _OTHERS:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
