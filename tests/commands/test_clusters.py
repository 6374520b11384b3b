from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

import cluster_jobs
from patience import PATIENCE_SECONDS
from subject_files import write_blob
from transmodal import cli
from transmodal.commands._clusters import working
from transmodal.errors import UsageError

EARLIER = Path(__file__).parent.parent / "contract" / "earlier"


def test_without_a_scheduler_processes_of_this_machine_work() -> None:
    with working("", None, 3) as default, working("", 5, 3) as number:
        assert (default, number) == (3, 5)


def test_a_number_of_processes_beside_a_scheduler_is_refused() -> None:
    with (
        pytest.raises(UsageError, match="--workers 5 with --scheduler local") as caught,
        working("local", 5, 3),
    ):
        pass
    assert caught.value.code == "E004"


@pytest.mark.parametrize(
    "words",
    [
        "atlas -o out",
        "prepare folders data -o out",
        "translate run data -o out",
        "evaluate run --cohort cohort -o out",
        "benchmark atlas --cohort . -o out",
        "ablate agi-net --cohort . -o out",
        "study biology t1-to-fa-small --cohort . -o out",
    ],
)
def test_every_verb_that_spreads_work_takes_a_scheduler(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_blob(Path("data/case-1"), 1)
    if words.startswith("evaluate"):
        shutil.copytree(EARLIER, tmp_path, dirs_exist_ok=True)
    assert cli.run([*words.split(), "--scheduler", "nowhere"]) == 2
    assert "--scheduler nowhere" in capsys.readouterr().err


@pytest.fixture(scope="module")
def idle_scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A scheduler without workers: what is handed out waits."""
    pytest.importorskip("distributed", reason="is of the extra `cluster`")
    with cluster_jobs.cluster(tmp_path_factory.mktemp("cluster"), 0) as file:
        yield str(file)


@pytest.mark.parametrize(
    "words",
    [
        "prepare folders data -o out --counts 1:0:0",
        "translate run cohort -o out --split all",
        "evaluate run --cohort cohort --split train --oracles none --metrics mae -o out",
    ],
)
def test_interrupted_jobs_leave_nothing_behind(words: str, idle_scheduler: str, tmp_path: Path) -> None:
    shutil.copytree(EARLIER, tmp_path, dirs_exist_ok=True)
    write_blob(tmp_path / "data" / "case-1", 1)
    before = _files(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "transmodal", *words.split(), "--scheduler", idle_scheduler],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run that was begun in the background hands on that Ctrl-C is ignored.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    try:
        said = iter(process.stderr.readline, "")
        assert any("has no worker yet: waiting for one" in line for line in said)
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 130
    assert printed == ""
    assert errors.splitlines()[-1] == "interrupted: the same command goes on from where it stopped"
    assert "Traceback" not in errors
    assert _files(tmp_path) == before


def _files(folder: Path) -> list[str]:
    """Return files, apart from those that a preparation goes on from."""
    listed = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return sorted(path.as_posix() for path in listed if "working" not in path.parts)
