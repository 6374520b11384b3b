"""How long it takes to begin: `transmodal --help`, and a small volume translated by the model that comes with the package.

Seconds are the processor's, of a process that is begun for each call and of what it begins itself; the ratio is the goal to them.
A translation is timed to its end, which is behind the first window. One JSON line. Run it as `python benchmarks/bench_start.py`,
or with `--smoke` for the help alone, once.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from turns import milliseconds, print_line, ratio_of, read_words, run_alone

from transmodal.volumes import Volume, io

GOALS = {"transmodal --help": 0.2, "translate a small volume, to its end": 3.0}
HELP, TRANSLATE = GOALS


def main() -> int:
    smoke = read_words(__doc__).smoke
    with tempfile.TemporaryDirectory() as place:
        source = Path(place) / "t1.nii.gz"
        io.write(head(), source)
        calls = {HELP: ["--help"]}
        if not smoke:
            target = str(Path(place) / "fa.nii.gz")
            calls[TRANSLATE] = ["translate", "t1-to-fa-demo", str(source), "-o", target, "--overwrite"]
        for words in calls.values():
            seconds_of(words)
        seconds = {
            name: [seconds_of(words) for _ in range(1 if smoke else 5)] for name, words in calls.items()
        }
    ratios = {name: ratio_of(times, [GOALS[name]] * len(times)) for name, times in seconds.items()}
    print_line(
        {
            "benchmark": "start",
            "peer": "the seconds of the goal",
            "smoke": smoke,
            "clock": "processor time",
            "ratio": {name: ratio for name, (ratio, _) in ratios.items()},
            "spread": {name: spread for name, (_, spread) in ratios.items()},
            "goal": dict.fromkeys(ratios, 1.0),
            "ours_ms": {name: milliseconds(times) for name, times in seconds.items()},
        }
    )
    return 0


def head() -> Volume:
    """Return a small volume with something like a head in it."""
    i, j, k = np.ogrid[:48, :56, :48]
    inside = ((i - 24) / 18) ** 2 + ((j - 28) / 22) ** 2 + ((k - 24) / 18) ** 2 < 1
    noise = np.random.default_rng(0).random((48, 56, 48), dtype=np.float32)
    return Volume((inside * (100 + 20 * noise)).astype(np.float32), np.diag([4.0, 4.0, 4.0, 1.0]))


def seconds_of(words: list[str]) -> float:
    """Return the processor's seconds of a call of the command line."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "transmodal", *words], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    run_alone(main)
