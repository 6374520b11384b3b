"""Estimates of memory beside what processes took: six shapes over translate, train and evaluate; a JSON line each,
and one of all.

Every shape runs in a process of its own, which says its estimate before the work and its peak after it, both beyond what
it held before. Run it as `python benchmarks/bench_memory.py`, or with `--smoke` for two small shapes. It fails where
an estimate lies more than a quarter from what was measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from turns import print_line, read_words

from transmodal import cli
from transmodal.volumes import Volume, io

TOLERANCE = 0.25
RECIPE = """
name: memory
translator: {translator}
task: {{source: [t1], target: fa}}
windows: {{kind: slice, axes: [z]}}
settings: {settings}
translation: {{batch: {batch}}}
training: {{epochs: 1, batch: {batch}, samples_per_epoch: {batch}, device: cpu}}
"""


class Shape(NamedTuple):
    """A piece of work: the verb, the volume's shape, the network, the windows per batch, the axes."""

    verb: str
    voxels: tuple[int, int, int]
    translator: str
    settings: str
    batch: int
    axes: str = "z"


SHAPES = (
    Shape("translate", (256, 256, 120), "unet_regression", "{width: 8, levels: 3}", 8),
    Shape("translate", (192, 192, 160), "unet_regression", "{width: 4, levels: 2}", 2, "x,y,z"),
    Shape("evaluate", (160, 192, 128), "unet_regression", "{width: 4, levels: 2}", 4),
    Shape("evaluate", (256, 256, 64), "pix2pix", "{width: 16}", 16),
    Shape("train", (256, 256, 24), "unet_regression", "{width: 16, levels: 4}", 8),
    Shape("train", (256, 256, 24), "pix2pix", "{width: 32}", 8),
)
SMOKE = (
    Shape("translate", (160, 160, 48), "unet_regression", "{width: 8, levels: 2}", 8),
    Shape("train", (128, 128, 12), "unet_regression", "{width: 8, levels: 3}", 8),
)


def main() -> int:
    words = read_words(__doc__, ("--work", {"help": "a verb and its words, run here"}))
    if words.work:
        return work(words.work.split())
    ratios = {}
    for shape in SMOKE if words.smoke else SHAPES:
        with tempfile.TemporaryDirectory() as place:
            line = measure(shape, Path(place))
        print_line(line)
        ratios[f"{shape.verb}, {shape.translator}, {'x'.join(map(str, shape.voxels))}"] = line["ratio"]
    note = "Memory: the ratio is the estimate to what was taken; the file fails outside of 0.75 to 1.25."
    print_line(
        {
            "benchmark": "memory",
            "peer": "what the process took",
            "smoke": words.smoke,
            "ratio": ratios,
            "notes": [note],
        }
    )
    return int(max(abs(ratio - 1) for ratio in ratios.values()) > TOLERANCE)


def measure(shape: Shape, place: Path) -> dict[str, Any]:
    """Run a piece of work in a process of its own; return its estimate and its peak in MiB."""
    prepare(shape, place)
    calls = {
        "translate": f"translate {place}/run {place}/subjects/case-2/t1.nii.gz --axes {shape.axes} -o {place}/fa.nii.gz",
        "evaluate": f"evaluate {place}/run --cohort {place}/cohort --oracles none -o {place}/evaluation",
        "train": f"train {place}/recipe.yaml --cohort {place}/cohort -o {place}/other",
    }
    process = subprocess.run(
        [sys.executable, __file__, "--work", calls[shape.verb]],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    figures = json.loads(process.stdout.splitlines()[-1])
    ratio = figures["estimated"] / figures["measured"]
    return {**shape._asdict(), **figures, "ratio": round(ratio, 3)}


def prepare(shape: Shape, place: Path) -> None:
    """Write three subjects, the recipe, the cohort and, where it is needed, a run of one step."""
    draw = np.random.default_rng(0)
    centre = [n / 2 for n in shape.voxels]
    i, j, k = np.ogrid[tuple(slice(n) for n in shape.voxels)]
    distance = sum(((axis - c) / (0.8 * c)) ** 2 for axis, c in zip((i, j, k), centre, strict=True))
    for n in range(3):
        folder = place / "subjects" / f"case-{n}"
        folder.mkdir(parents=True)
        noise = draw.random(shape.voxels, dtype=np.float32)
        t1 = ((distance < 1) * (100 + 100 * noise)).astype(np.float32)
        io.write(Volume(t1, np.eye(4)), folder / "t1.nii.gz")
        io.write(Volume((t1 / 400).astype(np.float32), np.eye(4)), folder / "fa.nii.gz")
    (place / "recipe.yaml").write_text(RECIPE.format(**shape._asdict()))
    calls = [f"prepare folders {place}/subjects -o {place}/cohort --counts 1:1:1 --workers 1 --copies warn"]
    if shape.verb != "train":
        small = "--set training.batch=1 --set training.samples_per_epoch=1"
        calls.append(f"train {place}/recipe.yaml --cohort {place}/cohort -o {place}/run {small}")
    for call in calls:
        process = subprocess.run(
            [sys.executable, "-m", "transmodal", *call.split()], capture_output=True, text=True
        )
        if process.returncode:
            raise SystemExit(process.stderr)


def work(words: list[str]) -> int:
    """Run a verb here; print its estimate and its peak in MiB, both of the whole process."""
    from transmodal.inference.memory import MemoryEstimate

    peaks: list[int] = []
    line = MemoryEstimate.line

    def note(self: MemoryEstimate) -> str:
        peaks.append(self.peak)
        return line(self)

    MemoryEstimate.line = note  # type: ignore[method-assign]  # to hear the number before it is rounded
    status = cli.run(words)
    measured = most_resident()
    print(json.dumps({"estimated": max(peaks) >> 20, "measured": measured >> 20}))
    return status


def most_resident() -> int:
    """Return the most bytes that this process held at once."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    sys.exit(main())
