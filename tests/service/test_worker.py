"""The work of a job, in this process; its limits are those of a process of its own, which the attacks meet."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from served import RUN, SOURCE
from transmodal.errors import InputError
from transmodal.service import worker
from transmodal.storage import files
from transmodal.volumes import io
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take no limits upon the process of the tests."""
    monkeypatch.setattr(worker, "take_limits", lambda *_: None)
    monkeypatch.setattr(worker, "_be_quiet", lambda: None)


def task_of(folder: Path, name: str, has_page: bool = False) -> worker.JobWork:
    return worker.JobWork(folder, RUN, {"t1": name}, "warn", has_page, "cpu", "torch", 1 << 34, 60)


def outcome_of(task: worker.JobWork) -> tuple[dict[str, object], list[bytes]]:
    receiver, sender = multiprocessing.Pipe(duplex=False)
    worker.work(task, sender)
    sender.close()
    messages = []
    while receiver.poll():
        try:
            messages.append(receiver.recv_bytes())
        except EOFError:
            break
    return files.read_json(task.folder / worker.OUTCOME), messages


@pytest.mark.usefixtures("quiet")
def test_a_job_leaves_its_volume_its_sidecar_and_its_page(tmp_path: Path) -> None:
    shutil.copy(SOURCE, tmp_path / "t1.nii.gz")
    outcome, messages = outcome_of(task_of(tmp_path, "t1.nii.gz", has_page=True))
    assert outcome == {}
    completed, total = worker.COUNT.unpack(messages[-1])
    assert completed == total > 0
    assert io.read(tmp_path / worker.RESULT).grid.same_as(io.read(SOURCE).grid)
    assert json.loads((tmp_path / worker.SIDECAR).read_text())["reading"] == {"nonfinite": "refuse"}
    page = (tmp_path / worker.VIEW / "index.html").read_text()
    assert "volume-1.nii" in page
    assert sorted(path.name for path in (tmp_path / worker.VIEW).iterdir()) == [
        "index.html", "volume-0.nii", "volume-1.nii",
    ]  # fmt: skip


@pytest.mark.usefixtures("quiet")
def test_a_single_dicom_file_is_read_as_a_series_and_stays(tmp_path: Path) -> None:
    source = io.read(SOURCE)
    series = source.with_voxels(np.rint(source.voxels).astype(np.int16))
    write_series(series, tmp_path / "series", SeriesAbout("MR", "t1", "A", "1.2.3", "1.2.9"))
    first = min((tmp_path / "series").iterdir())
    (tmp_path / "job").mkdir()
    shutil.copy(first, tmp_path / "job" / "t1.dcm")
    for _ in range(2):  # again, as after a restart
        shutil.rmtree(tmp_path / "job" / "t1", ignore_errors=True)
        outcome, _ = outcome_of(task_of(tmp_path / "job", "t1.dcm"))
        assert outcome == {} or set(outcome["error"]) == {"code", "got", "expected", "remedy"}  # type: ignore[arg-type]
        assert (tmp_path / "job" / "t1.dcm").exists()


@pytest.mark.usefixtures("quiet")
def test_errors_are_written_down_without_the_place_of_the_job(tmp_path: Path) -> None:
    (tmp_path / "t1.nii.gz").write_bytes(SOURCE.read_bytes()[:1000])
    outcome, _ = outcome_of(task_of(tmp_path, "t1.nii.gz"))
    error = outcome["error"]
    assert error["code"] == "E101"  # type: ignore[index]
    assert str(tmp_path) not in json.dumps(outcome)


@pytest.mark.usefixtures("quiet")
def test_bugs_and_a_lack_of_memory_are_written_down_without_their_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(error: Exception) -> dict[str, object]:
        def raises(*_: object) -> None:
            raise error

        monkeypatch.setattr(worker, "_translate", raises)
        return outcome_of(task_of(tmp_path, "t1.nii.gz"))[0]

    bug = fails(ValueError("DOE^JOHN"))
    assert "DOE" not in json.dumps(bug)
    assert bug["error"]["code"] == "E601"  # type: ignore[index]
    assert str(bug["place"]).startswith("test_worker.py:")
    assert fails(MemoryError())["error"]["code"] == "E402"  # type: ignore[index]
    assert fails(InputError("E101", f"{tmp_path}/t1.nii", "a", "b"))["error"]["got"] == "t1.nii"  # type: ignore[index]


@pytest.mark.usefixtures("quiet")
def test_models_are_described_without_the_cohort_that_they_learned_from(tmp_path: Path) -> None:
    worker.describe_models({"fa": RUN}, "cpu", "torch", tmp_path / "outcome.json")
    text = (tmp_path / "outcome.json").read_text()
    facts = json.loads(text)["models"]["fa"]
    assert (facts["sources"], facts["target"], facts["unit"]) == (["t1"], "fa", "FA")
    assert "cohort" not in text
    assert "patients" not in text
    worker.describe_models({"fa": tmp_path}, "cpu", "torch", tmp_path / "outcome.json")
    assert files.read_json(tmp_path / "outcome.json")["error"]["code"] == "E134"


def test_describing_survives_a_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet: None) -> None:
    monkeypatch.setattr(worker, "_facts", lambda model: {}["x"])
    worker.describe_models({"fa": RUN}, "cpu", "torch", tmp_path / "outcome.json")
    assert files.read_json(tmp_path / "outcome.json")["error"]["code"] == "E601"


LIMITS = """
import resource, sys
from pathlib import Path
from transmodal.service import worker
task = worker.JobWork(Path("."), Path("."), {}, "refuse", False, "cpu", "torch", 1 << 28, 77)
worker.take_limits(task.seconds, task.memory_bytes, task.device)
names = ("CPU", "AS", "NOFILE", "CORE")
content = " ".join(str(resource.getrlimit(getattr(resource, "RLIMIT_" + name))[0]) for name in names)
print("said to nobody")
print("nor this", file=sys.stderr)
try:
    bytearray(1 << 30)
except MemoryError:
    content += " refused"
Path(sys.argv[1]).write_text(content)
"""


def test_a_job_s_process_has_limits_and_says_nothing(tmp_path: Path) -> None:
    line = [sys.executable, "-c", LIMITS, str(tmp_path / "limits")]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    cpu, memory, n_files, core, word = (tmp_path / "limits").read_text().split()
    assert (cpu, core, word) == ("77", "0", "refused")
    assert 0 < int(memory) < 1 << 31
    assert 0 < int(n_files) <= 1024
    assert done.stdout + done.stderr == ""
