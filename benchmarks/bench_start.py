"""How long it takes to begin: `transmodal --help`, and the first window of `translate`.

`--help` imports typer and rich and none of the verbs. `translate` takes the demo model and a virtual head at 1 mm, on one
thread: its first windows (a batch) come after the imports, the reading of run and image, and the mask of the head's brain,
which is told from the remainder. Seconds are the processor's, of a process that is begun for each call; the ratio is the goal
to them, and says less where others use the machine too. One JSON line. Run it as `python benchmarks/bench_start.py`, or with
`--smoke` for one call of each, on a coarse head.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from turns import milliseconds, print_line, ratio_of, read_words, run_alone

from transmodal.cohorts.simulation.atlas import AtlasOptions, subjects
from transmodal.volumes import io

HELP_SECONDS, WINDOW_SECONDS = 0.2, 3.0
MODEL = "t1-to-fa-demo"
HELP = "transmodal --help"
WINDOW = "first window of translate, 1 mm head"
UNMASKED = "first window of translate, without the mask"


class Start(NamedTuple):
    """Seconds of one `translate`, of the processor and by the clock."""

    window: float
    mask: float
    end: float
    window_by_clock: float
    mask_by_clock: float


def main() -> int:
    smoke = read_words(__doc__).smoke
    seconds_of("--help")
    helps = [seconds_of("--help") for _ in range(1 if smoke else 15)]
    with tempfile.TemporaryDirectory() as name:
        image = write_head(Path(name), 4.0 if smoke else 1.0)
        starts = [start_of(image) for _ in range(1 if smoke else 5)]
    windows = [start.window for start in starts]
    unmasked = [start.window - start.mask for start in starts]
    measured = {
        HELP: (helps, HELP_SECONDS),
        WINDOW: (windows, WINDOW_SECONDS),
        UNMASKED: (unmasked, WINDOW_SECONDS),
    }
    ratios = {name: ratio_of(own, [goal] * len(own)) for name, (own, goal) in measured.items()}
    print_line(
        {
            "benchmark": "start",
            "peer": f"the goal, {HELP_SECONDS:g} s of --help and {WINDOW_SECONDS:g} s to the first window",
            "smoke": smoke,
            "clock": "processor time",
            "ratio": {name: ratio for name, (ratio, _) in ratios.items()},
            "spread": {name: spread for name, (_, spread) in ratios.items()},
            "goal": dict.fromkeys(measured, 1.0),
            "ours_ms": {name: milliseconds(own) for name, (own, _) in measured.items()},
            "reasons": {
                HELP: "the machine was busy, or typer and rich take longer to import on it",
                WINDOW: "imports, of which torch's takes over a second, the gate's look at the pose of the head, and the mask of its "
                "brain come before it",
                UNMASKED: "imports, of which torch's takes over a second, and the gate's look at the pose of the head come before it",
            },
            "notes": [tell(starts)],
        }
    )
    return 0


def tell(starts: list[Start]) -> str:
    middle = Start(*(statistics.median(values) for values in zip(*starts, strict=True)))
    return (
        f"start: {MODEL} on a virtual head at 1 mm, seconds of the processor: first windows after {middle.window:.2f}, of them the "
        f"mask {middle.mask:.2f}; the image is written after {middle.end:.2f}. By the clock of this machine the first windows "
        f"come after {middle.window_by_clock:.2f} s, of them the mask {middle.mask_by_clock:.2f} s"
    )


def seconds_of(word: str) -> float:
    """Return the processor's seconds of a call of the command line."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "transmodal", word], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def start_of(image: Path) -> Start:
    """Return what a `translate` of the image takes, which is the command itself, watched."""
    output = image.with_name("fa.nii.gz")
    output.unlink(missing_ok=True)
    script = Path(__file__).with_name("first_window.py")
    process = subprocess.run(
        [sys.executable, str(script), MODEL, str(image), "-o", str(output), "--overwrite"],
        env={**os.environ, "BEGAN": str(time.monotonic())},
        check=True,
        capture_output=True,
        text=True,
    )
    moments = json.loads(process.stdout.splitlines()[-1])["moments"]
    begins, ends = (moments.get(f"mask {moment}", (0.0, 0.0)) for moment in ("begins", "ends"))
    window, end = moments["window ends"], moments["end"]
    return Start(window[0], ends[0] - begins[0], end[0], window[1], ends[1] - begins[1])


def write_head(place: Path, spacing_mm: float) -> Path:
    options = AtlasOptions(spacing_mm=spacing_mm, modalities=("t1",), head="always", segmentation=False)
    path = place / "t1.nii.gz"
    io.write(subjects(4, options)[3].load().volumes["t1"], path)
    return path


if __name__ == "__main__":
    run_alone(main)
