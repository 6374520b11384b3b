"""An entry of `atlas-smoke` at test size, through the command line: killed, gone on with, the same figures."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml

import cluster_jobs
from patience import wait_for
from phantoms import Images, Phantom, Place
from transmodal import cli
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.experiments.benchmark.suite import suite_of

ENTRY = "swin_unet"
CLOCK = re.compile(r"seconds|^seal$|^sha256$")
"""Keys of records that differ from call to call."""


@dataclass(frozen=True)
class Head(Phantom):
    prefix = "head"
    shape = (22, 25, 14)
    spacing_mm = (3.0, 3.0, 4.0)

    def images(self, place: Place) -> Images:
        head = place.head(0.05 * self.number)
        wave = np.sin(4 * place.i + self.number) * np.cos(3 * place.j)
        volumes = {
            name: np.where(head, 500 + scale * wave, 5).astype(np.float32)
            for name, scale in (("t1", 300), ("t2", -200))
        }
        return Images(volumes, head.astype(np.uint8))


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    return prepare([Head(n) for n in range(4)], tmp_path / "cohort", PrepareOptions(counts=(2, 1, 1))).folder


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """Return `atlas-smoke` with smaller windows, long enough to be killed in between, saving after every step."""
    content = suite_of("atlas-smoke").narrowed([ENTRY]).model_dump(mode="json")
    content["every"] = []
    content["changes"] += [
        "training.epochs=2",
        "training.checkpoint_minutes=0",
        "training.log_every=1",
        "data.region=whole",
    ]
    content["entries"][ENTRY]["changes"] += [
        "windows.size=[40, 40]",
        "settings.window=5",
        "settings.depths=[2, 2]",
    ]
    content["entries"][ENTRY]["changes"] += ["settings.heads=[2, 4]"]
    path = tmp_path / "suite.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def test_an_entry_of_the_smoke_suite_killed_and_gone_on_with(
    suite: Path, cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def words(folder: str) -> list[str]:
        place = str(tmp_path / folder)
        return ["benchmark", str(suite), "--cohort", str(cohort), "-o", place, "--workers", "1"]

    run = tmp_path / "killed" / "runs" / ENTRY / "seed-1"
    started = subprocess.Popen([sys.executable, "-m", "transmodal", *words("killed")])
    try:
        wait_for(lambda: steps_of(run) >= 3)
    finally:
        started.kill()
        started.wait()
    wait_for(lambda: not lock(run))
    assert 3 <= steps_of(run) < 20, "too late: it was not killed in between"
    assert not (run / "evaluation").exists()

    assert cli.run(words("killed")) == 0
    shown = capsys.readouterr()
    assert "trainings: 1/1" in shown.err
    assert ENTRY in shown.out
    assert steps_of(run) == 20
    assert cli.run(words("whole")) == 0

    ours, theirs = (
        json.loads((tmp_path / name / "benchmark.json").read_text()) for name in ("killed", "whole")
    )
    one, other = (content["entries"][ENTRY]["seeds"]["1"] for content in (ours, theirs))
    for key in ("recipe_sha256", "weights_sha256", "steps", "best_validation", "figures"):
        assert one[key] == other[key], key
    for name in ("comparison.md", "comparison.csv", "comparison.tex", "comparison.html", "patients.csv"):
        assert (tmp_path / "whole" / name).stat().st_size > 0


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_has_the_bytes_of_one_process(
    suite: Path, cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two trainings on two workers of a dask cluster, one of which is killed after a few steps of its own."""
    pytest.importorskip("distributed", reason="is of the extra `cluster`")
    content = yaml.safe_load(suite.read_text())
    suite.write_text(yaml.safe_dump({**content, "seeds": [1, 2]}, sort_keys=False))

    def words(folder: str, *more: str) -> list[str]:
        return ["benchmark", str(suite), "--cohort", str(cohort), "-o", str(tmp_path / folder), *more]

    killed: list[int] = []
    runs = [tmp_path / "spread" / "runs" / ENTRY / f"seed-{seed}" for seed in (1, 2)]
    is_over = threading.Event()

    def kill_the_first_that_trains() -> None:
        while not killed and not is_over.wait(0.05):
            started = next((run for run in runs if steps_of(run) >= 2), None)
            killed.extend([] if started is None else holders(started))
        for process in killed:
            os.kill(process, signal.SIGKILL)

    (tmp_path / "cluster").mkdir()
    with cluster_jobs.cluster(tmp_path / "cluster", 2) as file:
        killer = threading.Thread(target=kill_the_first_that_trains)
        killer.start()
        try:
            status = cli.run(words("spread", "--scheduler", str(file)))
        finally:
            is_over.set()
            killer.join()
    assert (status, len(killed)) == (0, 1), (tmp_path / "cluster" / "worker.log").read_text()
    assert cli.run(words("single", "--workers", "1")) == 0
    capsys.readouterr()
    ours, theirs = (read_without_times(tmp_path / name / "benchmark.json") for name in ("spread", "single"))
    assert json.dumps(ours) == json.dumps(theirs)
    for seed in ("seed-1", "seed-2"):
        one, other = (tmp_path / name / "runs" / ENTRY / seed for name in ("spread", "single"))
        for name in ("checkpoints/last/weights.safetensors", "recipe.yaml"):
            assert (one / name).read_bytes() == (other / name).read_bytes()
        one, other = (read_without_times(place / "evaluation" / "evaluation.json") for place in (one, other))
        assert json.dumps(one) == json.dumps(other)


def test_the_list_and_what_is_refused(suite: Path, cohort: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["benchmark", "--list"]) == 0
    shown = capsys.readouterr().out
    assert "atlas-smoke: " in shown
    assert "t1 -> colour" in shown
    assert cli.run(["benchmark", str(suite), "--list"]) == 0
    assert capsys.readouterr().out.splitlines()[-2].split() == [
        ENTRY,
        "t1",
        "->",
        "t2",
        "t1-to-t2-swin-unet-small",
    ]

    for words, reason in (
        (["atlas"], "without suite, --cohort or -o"),
        (["atlas", "--cohort", str(cohort), "-o", "x", "--seeds", "one"], "--seeds one"),
        (["atlas", "--cohort", str(cohort), "-o", "x", "--only", "nobody"], "no entry 'nobody'"),
        (["nothing", "--list"], "no suite 'nothing'"),
    ):
        assert cli.run(["benchmark", *words]) == 2
        assert reason in capsys.readouterr().err
    assert not Path("x").exists()


def test_failures_are_told_with_the_exit_status(
    suite: Path, cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = yaml.safe_load(suite.read_text())
    content["changes"] += ["training.players.generator.lr=1e30"]
    suite.write_text(yaml.safe_dump(content, sort_keys=False))
    words = ["benchmark", str(suite), "--cohort", str(cohort), "-o", str(tmp_path / "out")]
    assert cli.run(words) == 1
    assert (
        "1 of the trainings failed, the first swin_unet with seed 1: error[E120]" in capsys.readouterr().out
    )
    assert json.loads((tmp_path / "out" / "benchmark.json").read_text())["tables"] == {}


def steps_of(run: Path) -> int:
    """Return how many steps the curves of a run have."""
    curves = run / "curves.csv"
    if not curves.is_file():
        return 0
    steps = [line.split(",")[0] for line in curves.read_text().splitlines()[1:]]
    return max((int(step) for step in steps if step.isdigit()), default=0)


def read_without_times(path: Path) -> object:
    """Return the content of a record without what a clock says, and without the seal that covers it."""

    def drop(value: object) -> object:
        if isinstance(value, dict):
            return {key: drop(own) for key, own in value.items() if not CLOCK.search(key)}
        return [drop(own) for own in value] if isinstance(value, list) else value

    return drop(json.loads(path.read_text()))


def lock(folder: Path) -> bool:
    """Tell whether some process holds a file below the folder."""
    return bool(holders(folder))


def holders(folder: Path) -> list[int]:
    """Return the processes that hold a file below the folder."""
    processes = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            links = [str(link.readlink()) for link in (process / "fd").iterdir()]
        except OSError:
            continue
        if any(link.startswith(str(folder)) for link in links):
            processes.append(int(process.name))
    return processes
