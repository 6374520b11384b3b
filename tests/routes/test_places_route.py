"""Places that are read-only, full, or left by a killed process: what each verb does there, and how it goes on."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from transmodal import cli
from transmodal.storage import files, sealed

EARLIER = Path(__file__).parent.parent / "contract" / "earlier"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of a cohort, a run and its recipe, which is the working directory."""
    copy = tmp_path / "earlier"
    shutil.copytree(EARLIER, copy)
    shutil.rmtree(copy / "cohort" / "working", ignore_errors=True)
    monkeypatch.chdir(copy)
    return copy


def translate(more: str = "") -> int:
    return cli.run(f"translate run cohort -o out --split all --force {more}".split())


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_killed_translation_goes_on(
    folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert translate() == 0
    whole, out = content_of(folders / "out"), folders / "out"
    n_cases = len(whole) // 2
    images = sorted(path for path in out.iterdir() if path.name.endswith(".nii.gz"))
    # As a kill leaves them: not begun, begun, with its image but without the image's hash.
    sidecars = [image.with_name(image.name.replace(".nii.gz", ".json")) for image in images]
    images[0].unlink()
    sidecars[0].unlink()
    images[1].unlink()
    for sidecar in sidecars[1:3]:
        record = sealed.read(sidecar).content
        del record["image"]
        files.write_json(sidecar, sealed.seal(record))
    before = images[-1].stat().st_mtime_ns
    capsys.readouterr()
    assert translate() == 0
    assert content_of(out) == whole
    assert images[-1].stat().st_mtime_ns == before
    shown = capsys.readouterr()
    assert (
        f"{n_cases - 3} of {n_cases} volumes were translated before by this run: they are kept" in shown.err
    )
    assert len(shown.out.split()) == n_cases


def test_hidden_files_of_a_folder_are_no_sources(folders: Path) -> None:
    assert translate() == 0  # any images will do as sources
    source = next(path for path in (folders / "out").iterdir() if path.name.endswith(".nii.gz"))
    images = folders / "images"
    images.mkdir()
    for name in ("a.nii.gz", "._a.nii.gz", ".partial-abcd1234.nii.gz"):
        shutil.copy(source, images / name)
    assert cli.run(["translate", "run", "images", "-o", "new", "--force"]) == 0
    assert sorted(path.name for path in (folders / "new").iterdir()) == ["a_fa.json", "a_fa.nii.gz"]


def test_a_read_only_cohort_is_trained_on_and_evaluated(
    folders: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("transmodal.storage.arrays.kept._in_memory", {})
    make_folder, make_file = Path.mkdir, tempfile.mkstemp

    def refuse(path: Path) -> None:
        if path.absolute().is_relative_to(folders / "cohort"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    def mkdir(path: Path, mode: int = 0o777, *, parents: bool = False, exist_ok: bool = False) -> None:
        refuse(path)
        make_folder(path, mode, parents, exist_ok)

    def mkstemp(suffix: str, prefix: str, dir: Path) -> tuple[int, str]:  # noqa: A002 - tempfile's name
        refuse(dir)
        return make_file(suffix=suffix, prefix=prefix, dir=dir)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    monkeypatch.setattr(tempfile, "mkstemp", mkstemp)
    before = sorted((folders / "cohort").rglob("*"))
    line = "train tiny.yaml --cohort cohort -o new --device cpu --set data.spacing_mm=5"
    assert cli.run(line.split()) == 0
    assert caplog.text.count("kept in memory") == 1
    assert cli.run("evaluate new --cohort cohort -o evaluated".split()) == 0  # noqa: SIM905 - as it is typed
    assert sorted((folders / "cohort").rglob("*")) == before


LINES = {
    "translate": "translate run cohort -o out --split all --force --axes x,y,z",
    "evaluate": "evaluate run --cohort cohort -o out",
    "atlas": "atlas -o out --subjects 40 --workers 2",
    "benchmark": "benchmark suite.yaml --cohort cohort -o out --workers 2",
}
SUITE = """
name: s
about: a
budget: b
cohort: c
entries: {tiny: {recipe: tiny.yaml, changes: [training.epochs=500]}}
seeds: [1, 2]
"""


@pytest.mark.parametrize(
    ("verb", "end"),
    [
        *((verb, "os.kill(os.getpid(), signal.SIGTERM)") for verb in LINES),
        # As a batch system does it: all processes of a job at once.
        *((verb, "os.killpg(0, signal.SIGTERM)") for verb in ("atlas", "benchmark")),
    ],
)
def test_a_verb_that_is_terminated_leaves_nothing_half_written(verb: str, end: str, folders: Path) -> None:
    (folders / "suite.yaml").write_text(SUITE)
    code = f"""
import os, signal, sys, threading
from transmodal.storage import durable
from transmodal import cli
def kill(path, sync=durable.sync):
    os.kill(os.getpid(), signal.SIGTERM)
    sync(path)
if {verb in ("translate", "evaluate")!r}:
    durable.sync = kill
else:
    from pathlib import Path
    def wait():
        while not any(Path("out").rglob("*.*")):
            threading.Event().wait(0.05)
        threading.Event().wait(1)
        {end}
    if __name__ == "__main__":
        threading.Thread(target=wait, daemon=True).start()
if __name__ == "__main__":
    cli.main(sys.argv[1:])
"""
    (folders / "call.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "call.py", *LINES[verb].split()],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=600,
        start_new_session=True,
    )
    assert done.returncode == 128 + signal.SIGTERM, done.stderr
    assert "Traceback" not in done.stderr
    assert not list((folders / "out").rglob(".partial-*"))
