"""The fuzz gate: mutated files come to each reader, which gives an error of ours or what a second reading says too."""

from __future__ import annotations

import json
import random
import resource
import shutil
import signal
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from promises.corpus import all_entries
from promises.figures import quiet_stderr
from promises.mutations import Files, mutate_files
from promises.readers import FORMATS, read_ours, read_weights
from promises.run_words import COUNTED
from promises.second_readings import agrees
from transmodal.errors import TransmodalError

LONGEST_S = 2.0
"""Seconds of processor time that a reading may take."""
MOST_BYTES = 512 << 20
"""Resident memory by which a format's run may grow; its files have less than 100 KB."""
_STUCK_S = 60.0
_KEPT = 20
"""Failures of which the words are kept."""


class HangError(BaseException):
    """A reading took too long; no reader's own handlers may catch it."""


class Seed(NamedTuple):
    """A valid entry: its files, and the path below their folder that a reader is given."""

    name: str
    files: Files
    path: str


@dataclass
class Tally:
    """Figures of one reader."""

    executions: int = 0
    accepted: int = 0
    agreed: int = 0
    second_refused: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    n_failures: int = 0
    failures: list[str] = field(default_factory=list)
    grown_mib: float = 0.0

    def fail(self, words: str) -> None:
        """Count a failure, and keep the words of the first ones."""
        self.n_failures += 1
        if len(self.failures) < _KEPT:
            self.failures.append(words)


def run_fuzz(
    executions: int | None = None,
    seconds: float | None = None,
    formats: Sequence[str] = FORMATS,
    seed: int = 0,
) -> dict[str, Any]:
    """Mutate valid files of each format and give them to our readers.

    Args:
        executions: per format; 300 where neither this nor `seconds` is said.
        seconds: for all formats together, instead of a number of executions.
        formats: which.
        seed: of all mutations: execution n of a format is the same at every hour, whatever ran before.

    Returns:
        A structure that goes into JSON, by format: `executions`, `accepted`, of those `agreed` (a second reading by other
        means says the same) and `second_refused` (it does not read the file at all), `refused` (by code), `n_failures`
        and `failures` (foreign exceptions, readings that took too long, readings that differ, memory that grew too far;
        each with the number of its execution), `grown_mib`.
    """
    each = None if seconds is None else seconds / len(formats)
    most = (300 if executions is None else executions) if each is None else None
    figures = {name: _run_format(name, most, each, seed).__dict__ for name in formats}
    plain: dict[str, Any] = json.loads(json.dumps(figures))
    return plain


def add_fuzz(
    earlier: Mapping[str, Any], origin: Mapping[str, Any], fresh: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the figures of all runs together, by format, and in `runs` what each was taken of and came to.

    Args:
        earlier: figures that stand in the record; empty where there are none.
        origin: `date`, `commit` and `seed` of the fresh run.
        fresh: as `run_fuzz` returns them.
    """
    figures = {name: _sum(earlier.get(name, {}), tally) for name, tally in fresh.items()}
    alone = {key: sum(tally[key] for tally in fresh.values()) for key in ("executions", "n_failures")}
    return {**figures, "runs": [*earlier.get("runs", ()), {**origin, **alone}]}


def _sum(earlier: Mapping[str, Any], fresh: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{key: earlier.get(key, 0) + fresh[key] for key in COUNTED},
        "refused": dict(sorted((Counter(earlier.get("refused", {})) + Counter(fresh["refused"])).items())),
        "failures": [*earlier.get("failures", ()), *fresh["failures"]],
        "grown_mib": max(earlier.get("grown_mib", 0.0), fresh["grown_mib"]),
    }


def reproduce(format_name: str, number: int, folder: Path, seed: int = 0) -> Path:
    """Write the files of one execution into a folder, and return the path that the reader was given."""
    draw = random.Random(f"{format_name}/{seed}/{number}")
    start = draw.choice(seeds(format_name))
    for name, content in mutate_files(start.files, draw).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder / start.path


@cache
def seeds(format_name: str) -> list[Seed]:
    """Return the valid entries of a format as files in memory; those that are links are left out."""
    found = []
    for entry in all_entries():
        if entry.format != format_name or not entry.is_valid:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = entry.write(Path(folder))
            root = path if path.is_dir() else Path(folder)
            files = sorted(root.rglob("*"))
            if any(one.is_symlink() for one in files):
                continue
            contents = {str(one.relative_to(root)): one.read_bytes() for one in files if one.is_file()}
            found.append(Seed(entry.name, contents, "." if path.is_dir() else path.name))
    return found


def _run_format(format_name: str, executions: int | None, seconds: float | None, seed: int) -> Tally:
    tally, start = Tally(), time.monotonic()
    seeds(format_name)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as root, quiet_stderr():
        while _goes_on(tally.executions, executions, start, seconds):
            folder = Path(root) / "x"
            folder.mkdir()
            path = reproduce(format_name, tally.executions, folder, seed)
            _execute(format_name, path, tally)
            tally.executions += 1
            shutil.rmtree(folder)
    tally.grown_mib = round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, 1)
    if tally.grown_mib * 2**20 > MOST_BYTES:
        tally.fail(f"memory grew by {tally.grown_mib} MiB")
    return tally


def _goes_on(done: int, executions: int | None, start: float, seconds: float | None) -> bool:
    if executions is not None:
        return done < executions
    return seconds is not None and time.monotonic() - start < seconds


def _execute(format_name: str, path: Path, tally: Tally) -> None:
    where = f"execution {tally.executions}"
    try:
        with _watched(), warnings.catch_warnings():
            warnings.simplefilter("error")  # a warning of a library is a foreign one as well
            content = read_weights(path) if format_name == "checkpoint" else read_ours(format_name, path)
    except TransmodalError as error:
        tally.refused[error.code] += 1
        return
    except HangError:
        tally.fail(f"{where}: took more than {LONGEST_S:g} s")
        return
    except Exception as error:  # the one thing that may not come out
        tally.fail(f"{where}: {type(error).__name__}: {str(error)[:200]}")
        return
    tally.accepted += 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            has_agreed = agrees(format_name, path, content)
    except Exception:  # the second reader does not read it
        tally.second_refused += 1
        return
    tally.agreed += has_agreed
    if not has_agreed:
        tally.fail(f"{where}: a second reading differs")


@contextmanager
def _watched() -> Iterator[None]:
    """Raise where a reading takes too long: by its processor time, or, where it waits, by the clock."""

    def stop(*_: object) -> None:
        raise HangError

    before = {number: signal.signal(number, stop) for number in (signal.SIGPROF, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_PROF, LONGEST_S)
    signal.setitimer(signal.ITIMER_REAL, _STUCK_S)
    try:
        yield
    finally:
        for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL):
            signal.setitimer(timer, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
