"""What every bench_*.py shares: one thread, turns, medians of per-round ratios, one JSON line.

A file hands its ways to `take_turns` and prints its line with `print_line`. The line has these keys; the first four are
needed, the others make its row of docs/performance.md say more:

- `benchmark`, `peer`, `smoke`: what was measured, beside what, and whether small;
- `ratio`: a number, or numbers by the name of what was compared; greater is better for us;
- `spread`: the least and the greatest per-round ratio, by the same names;
- `goal`: a number, or numbers by the same names;
- `ours_ms`: milliseconds that ours took, by the same names;
- `limits`: by the same names `{"gflop": ..., "dtype": "float32"}` or `{"mb": ...}`, read and written: the least work there is;
- `reasons`: by the same names, why a ratio falls short of its goal, for the case that it does;
- `notes`: sentences for the page.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
Way = Callable[[], object]
Clock = Callable[[], float]


def read_words(description: str | None, *more: tuple[str, dict[str, Any]]) -> argparse.Namespace:
    """Parse `--smoke` and the options that a file has beside it."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--smoke", action="store_true", help="small images and few rounds: seconds")
    for name, settings in more:
        parser.add_argument(name, **settings)
    return parser.parse_args()


def run_alone(main: Callable[[], int]) -> None:
    """Run `main` on one thread; libraries read these names when they are imported, so it may take another process."""
    if all(os.environ.get(name) == "1" for name in THREADS):
        sys.exit(main())
    alone = {**os.environ, **dict.fromkeys(THREADS, "1")}
    sys.exit(subprocess.run([sys.executable, *sys.argv], env=alone, check=False).returncode)


def take_turns(
    ways: Mapping[str, Way],
    rounds: int,
    *,
    least: float = 0.05,
    clock: Clock = time.process_time,
    is_warm: bool = False,
) -> dict[str, list[float]]:
    """Time each way in turn, after one call each to warm up; return seconds per call, round by round.

    Ways that were called before, and take longer than `least`, can be said to be warm.

    Quick ways are repeated until a turn takes `least` seconds; every other round runs backwards. The clock counts the
    process's own seconds on one thread, so that other processes do not show; ways that wait for disks need
    `time.perf_counter`.
    """
    repeats = dict.fromkeys(ways, 1)
    for name, way in ways.items() if not is_warm else ():
        is_slow = _time(way, 1, clock) >= 10 * least  # however much of it the first call took for itself
        once = least if is_slow else _time(way, 1, clock)
        repeats[name] = max(1, min(1000, round(least / max(once, 1e-6))))
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways)[:: -1 if number % 2 else 1]:
            seconds[name].append(_time(ways[name], repeats[name], clock))
    return seconds


def ratio_of(ours: Sequence[float], peer: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """Return the median of the per-round ratios, and the least and the greatest."""
    ratios = [theirs / own for own, theirs in zip(ours, peer, strict=True)]
    return _round(statistics.median(ratios)), (_round(min(ratios)), _round(max(ratios)))


def milliseconds(seconds: Sequence[float]) -> float:
    """Return the best round in milliseconds."""
    return float(f"{1e3 * min(seconds):.4g}")


def version_of(package: str) -> str | None:
    """Return a peer's name and version; None where it is not installed."""
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return None


def has(module: str) -> bool:
    """Tell whether a peer can be imported."""
    return importlib.util.find_spec(module) is not None


def print_line(line: Mapping[str, Any]) -> None:
    print(json.dumps(line), flush=True)


def _time(way: Way, repeats: int, clock: Clock) -> float:
    start = clock()
    for _ in range(repeats):
        way()
    return (clock() - start) / repeats


def _round(ratio: float) -> float:
    return float(f"{ratio:.3g}")
