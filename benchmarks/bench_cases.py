"""What a case costs where there are 10, 100 and 1,000: prepare, an epoch of train, translate, evaluate and benchmark.

Each verb runs on cohorts of tiny subjects, half of them to train and half to test, in a process that is forked once a small
cohort went through all but `benchmark`, whose own processes begin anew. Costs are the processor's seconds of that process and of those that it starts, less what a few cases cost, which
leaves the start out; peaks are the most memory that one of them held. A ratio is the cost per case up to a hundred cases to
that up to a thousand, or the peak of a hundred to that of a thousand: 1 is flat, less is growth. One JSON line. It fails
where a page that a verb writes for a thousand cases takes more than 5 MB. Run it as `python benchmarks/bench_cases.py`, or
with `--smoke` for a few seconds and without `benchmark`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from subjects import Shape, call, write_subjects
from turns import print_line, read_words, run_alone

FLAT = 0.9
LARGEST_MB = 5.0
SHAPE: Shape = (16, 16, 12)
RECIPE = """
name: cases
translator: unet_regression
task: {source: [t1], target: fa}
windows: {kind: slice, axes: [z]}
settings: {width: 4, levels: 2}
training: {epochs: 1, batch: 4, device: cpu}
"""
SUITE = """
name: cases
about: one small translator
budget: an epoch
cohort: tiny subjects
seeds: [1]
entries:
  unet_regression: {recipe: RECIPE}
"""
CALLS = {
    "prepare": "prepare folders {place}/subjects -o {place}/cohort --counts {train}:1:{test} --workers 1 --copies warn",
    "train, an epoch": "train {place}/recipe.yaml --cohort {place}/cohort -o {place}/run",
    "translate": "translate {place}/run {place}/cohort -o {place}/synthetic",
    "evaluate": "evaluate {place}/run --cohort {place}/cohort -o {place}/evaluation",
    "benchmark": "benchmark {place}/suite.yaml --cohort {place}/cohort -o {place}/benchmark --workers 1",
}
REASONS = {
    "memory": "intervals over patients are drawn on up to 2,000,000 values at once, which 200 patients fill and more do not exceed; the "
    "remainder is the records of the cases, see the note",
    "benchmark": "the processes that a benchmark begins take eleven seconds, of which one more or less decides the cost between 10 "
    "and 100 cases; a run on a busy machine gave 1.02",
}


class Cost(NamedTuple):
    """The cost of one verb: seconds of the processor, and the greatest memory of a process in MB."""

    seconds: float
    peak_mb: float


def main() -> int:
    smoke = read_words(__doc__).smoke
    torch.set_num_threads(1)
    sizes = (4, 6, 8) if smoke else (10, 100, 1000)
    verbs = tuple(
        verb for verb in CALLS if not (smoke and verb == "benchmark")
    )  # its processes take a minute to begin
    with tempfile.TemporaryDirectory() as name:
        for words in make(Path(name) / "warm", sizes[0], verbs[:4]).values():
            call(words)
        costs = {n: measure(Path(name) / str(n), n, verbs) for n in sizes}
        largest = max(Path(name).rglob("*.html"), key=lambda path: path.stat().st_size)
        page, megabytes = largest.name, round(largest.stat().st_size / 1e6, 2)
    print_line(describe(costs, sizes, verbs) | {"smoke": smoke, "largest_page": page, "page_mb": megabytes})
    return 0 if megabytes <= LARGEST_MB else 1


def measure(place: Path, n: int, verbs: Sequence[str]) -> dict[str, Cost]:
    """Make a cohort's subjects, and run every verb on it in a process of its own."""
    return {verb: cost_of(words) for verb, words in make(place, n, verbs).items()}


def make(place: Path, n: int, verbs: Sequence[str]) -> dict[str, str]:
    """Write what the verbs need of a cohort of `n` subjects; return their calls."""
    write_subjects(place / "subjects", n, SHAPE)
    (place / "recipe.yaml").write_text(RECIPE)
    (place / "suite.yaml").write_text(SUITE.replace("RECIPE", str(place / "recipe.yaml")))
    train = n // 2 - 1
    return {verb: CALLS[verb].format(place=place, train=train, test=n - 1 - train) for verb in verbs}


def cost_of(words: str) -> Cost:
    """Run a verb in a fork of this process, which has imported all that it needs; return its cost."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            call(words)
            status = 0
        except SystemExit as error:
            os.write(2, f"{error}\n".encode())
        finally:
            os._exit(status)
    _, status, used = os.wait4(process, 0)
    if status:
        raise SystemExit(f"transmodal {words} failed")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1e3)


def describe(
    costs: Mapping[int, Mapping[str, Cost]], sizes: Sequence[int], verbs: Sequence[str]
) -> dict[str, object]:
    """Return the line: how costs per case and peaks of memory change from the second size to the last."""
    few, middle, many = sizes
    first = {verb: slope(costs[few][verb], costs[middle][verb], middle - few) for verb in verbs}
    last = {verb: slope(costs[middle][verb], costs[many][verb], many - middle) for verb in verbs}
    ratios = {verb: rounded(first[verb] / last[verb]) for verb in verbs}
    peaks = {
        f"memory, {verb}": rounded(costs[middle][verb].peak_mb / costs[many][verb].peak_mb) for verb in verbs
    }
    growth = {
        verb: 1e3 * (costs[many][verb].peak_mb - costs[middle][verb].peak_mb) / (many - middle)
        for verb in verbs
    }
    return {
        "benchmark": "cases",
        "peer": f"itself: {few} to {middle} cases beside {middle} to {many:,}, per case",
        "threads": 1,
        "clock": "processor time",
        "ratio": ratios | peaks,
        "ours_ms": {verb: rounded(1e3 * seconds) for verb, seconds in last.items()},
        "goal": dict.fromkeys([*ratios, *peaks], FLAT),
        "reasons": REASONS,
        "notes": [
            f"cases: tiny subjects of {'x'.join(map(str, SHAPE))} voxels, half of them to train and half to test, so that a case is "
            "that of the cohort; milliseconds are per case between the two greater sizes. "
            + "Peaks in MB: "
            + "; ".join(
                f"{verb} {', '.join(f'{costs[n][verb].peak_mb:.0f}' for n in sizes)}, {growth[verb]:.0f} kB more per case"
                for verb in verbs
            )
        ],
        "seconds": {
            str(n): {verb: rounded(cost.seconds) for verb, cost in own.items()} for n, own in costs.items()
        },
    }


def slope(less: Cost, more: Cost, cases: int) -> float:
    return max(more.seconds - less.seconds, 1e-6) / cases


def rounded(value: float) -> float:
    return float(f"{value:.3g}")


if __name__ == "__main__":
    run_alone(main)
