"""How long it takes to begin: `transmodal --help`, which imports typer and rich and none of the verbs.

Seconds are the processor's, of a process that is begun for each call; the ratio is the goal to them, and says less where others
use the machine too. One JSON line. Run it as `python benchmarks/bench_start.py`, or with `--smoke` for one call.
"""

from __future__ import annotations

import resource
import subprocess
import sys

from turns import milliseconds, print_line, ratio_of, read_words, run_alone

GOAL_SECONDS = 0.2
NAME = "transmodal --help"


def main() -> int:
    smoke = read_words(__doc__).smoke
    seconds_of("--help")
    seconds = [seconds_of("--help") for _ in range(1 if smoke else 15)]
    ratio, spread = ratio_of(seconds, [GOAL_SECONDS] * len(seconds))
    print_line(
        {
            "benchmark": "start",
            "peer": f"{GOAL_SECONDS:g} s",
            "smoke": smoke,
            "clock": "processor time",
            "ratio": {NAME: ratio},
            "spread": {NAME: spread},
            "goal": {NAME: 1.0},
            "ours_ms": {NAME: milliseconds(seconds)},
            "reasons": {NAME: "the machine was busy, or typer and rich take longer to import on it"},
        }
    )
    return 0


def seconds_of(word: str) -> float:
    """Return the processor's seconds of a call of the command line."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "transmodal", word], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    run_alone(main)
