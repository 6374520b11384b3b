"""A worker that dies or is stopped is named, or its work is done again; no verb hangs, and none calls it a bug."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from patience import PATIENCE_SECONDS, wait_for
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.simulation.atlas import AtlasOptions, subjects

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc"),
]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cases = subjects(4, AtlasOptions(spacing_mm=8.0, modalities=("t1", "t2")))
    return prepare(
        cases, tmp_path_factory.mktemp("deaths") / "cohort", PrepareOptions(counts=(2, 1, 1))
    ).folder


SUITE = """\
name: deaths
about: two trainings that outlast the test
budget: none
cohort: any
metric: mae
seeds: [1, 2]
changes: [training.epochs=400, training.batch=2]
entries:
  plain: {recipe: RECIPE}
"""
RECIPE = """\
name: plain
translator: unet_regression
task: {source: [t1], target: t2}
settings: {width: 2, levels: 2}
training: {epochs: 400, batch: 2, device: cpu}
"""


def words_of(verb: str, folder: Path, cohort: Path) -> list[str]:
    output = str(folder / "output")
    if verb == "atlas":
        return ["atlas", "-o", output, "--subjects", "4", "--spacing-mm", "8", "--workers", "2"]
    (folder / "plain.yaml").write_text(RECIPE)
    (folder / "suite.yaml").write_text(SUITE.replace("RECIPE", str(folder / "plain.yaml")))
    words = [str(folder / "suite.yaml"), "--cohort", str(cohort), "-o", output, "--workers", "2"]
    return ["benchmark", *words]


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """Return the ids of a process's spawned children, without multiprocessing's own helper."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in command_of(child)]


def command_of(process: str) -> bytes:
    """Return the words that a process was started with; none of one that has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


# An `atlas` whose worker is stopped is among the promises' deaths.
@pytest.mark.parametrize(
    ("verb", "number"),
    [("atlas", signal.SIGKILL), ("benchmark", signal.SIGKILL), ("benchmark", signal.SIGSTOP)],
)
def test_a_worker_is_lost(verb: str, number: int, cohort: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "transmodal", *words_of(verb, tmp_path, cohort)]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            words, stdout=log, stderr=log, text=True, env={**os.environ, "PYTHONWARNINGS": "ignore"}
        ) as process,
    ):
        wait_for(lambda: len(workers_of(process)) == 2 or process.poll() is not None)
        os.kill(workers_of(process)[0], number)
        if verb == "atlas":  # the work of the lost one is done again
            assert process.wait(PATIENCE_SECONDS) == 0, (tmp_path / "log").read_text()
            assert len(list((tmp_path / "output").glob("atlas-*"))) == 4
        else:
            status = process.wait(PATIENCE_SECONDS)
            said = (tmp_path / "log").read_text()
            assert status == 4, said
            assert ("error[E402]" if number == signal.SIGKILL else "error[E405]") in said
            assert "the process that worked on" in said
