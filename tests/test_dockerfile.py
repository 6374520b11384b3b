"""The Dockerfile without Docker: in CI its steps name what is there; on demand they are run, and the service answers.

    TRANSMODAL_DOCKERFILE=1 python -m pytest tests/test_dockerfile.py

runs COPY and RUN in a temporary folder that stands in for the root, with the packages of this environment in place of those
that pip would download, then the entry point with its health check.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

from served import RUN
from transmodal.commands._verbs import whole

ROOT = Path(__file__).parents[1]
PLACES = ("/opt/transmodal", "/jobs", "/models")
"""Folders of the image; in a run without Docker they lie below another root."""


class Step(NamedTuple):
    """A line of the Dockerfile."""

    word: str
    text: str

    def words(self) -> list[str]:
        """Return what it is made of, of the form with brackets or of the plain one."""
        text = self.text[self.text.index("[") :] if "[" in self.text.split('"')[0] else self.text
        return json.loads(text) if text.startswith("[") else shlex.split(text)  # type: ignore[no-any-return]


def steps() -> list[Step]:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    return [Step(*line.split(None, 1)) for line in lines if line.strip() and not line.startswith("#")]


def of(word: str) -> list[Step]:
    return [step for step in steps() if step.word == word]


def is_ignored(path: str) -> bool:
    """Return whether `.dockerignore` leaves a path out; the last line that fits counts."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.lstrip("!").removeprefix("**/")
        if line and any(
            fnmatch.fnmatch(part, pattern) for part in (path, path.split("/")[0], Path(path).name)
        ):
            ignored = not line.startswith("!")
    return ignored


def test_what_is_copied_is_there_and_not_ignored() -> None:
    copied = [name for step in of("COPY") for name in step.words()[:-1]]
    assert "src" in copied
    for name in copied:
        assert (ROOT / name).exists(), name
        assert not is_ignored(name), name
    for name in (
        ".git",
        "tests",
        "docs",
        "runs",
        "token",
        "src/transmodal/__pycache__",
        "src/transmodal/a.pyc",
    ):
        assert is_ignored(name), name
    assert not is_ignored("src/transmodal/cli.py")


def test_what_pip_installs_is_what_the_project_has() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    line = next(step.text for step in of("RUN") if '".[' in step.text)
    extras = re.search(r'"\.\[([a-z,]+)\]"', line)
    assert extras is not None
    assert set(extras[1].split(",")) <= set(project["optional-dependencies"])
    torch = next(step.text for step in of("RUN") if "torch==" in step.text)
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert re.search(r"torch==[\d.]+", torch)[0] in pinned  # type: ignore[index]
    (base,) = of("FROM")
    version = tuple(map(int, re.search(r"python:(\d+)\.(\d+)", base.text).groups()))  # type: ignore[union-attr]
    assert version >= (3, 11)


def test_every_program_of_a_step_is_there() -> None:
    programs = [part.split()[0] for step in of("RUN") for part in step.text.split("&&")]
    for name in programs:
        assert name.startswith("/opt/transmodal/bin/") or shutil.which(name), name


def test_the_entry_point_is_the_verb_with_options_that_it_has() -> None:
    program, verb, *options = of("ENTRYPOINT")[0].words()
    assert (program, verb) == ("/opt/transmodal/bin/transmodal", "serve")
    command = whole("serve")
    known = {name for one in command.params for name in one.opts}
    assert {word for word in options if word.startswith("--")} <= known
    assert of("USER")[0].text != "root"
    port = options[options.index("--port") + 1]
    assert of("EXPOSE")[0].text == port
    assert f":{port}/health" in of("HEALTHCHECK")[0].text


@pytest.mark.skipif("TRANSMODAL_DOCKERFILE" not in os.environ, reason="on demand: TRANSMODAL_DOCKERFILE=1")
def test_the_steps_run_and_the_service_answers(tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    for step in of("COPY"):
        *names, _ = step.words()
        for name in names:
            source = ROOT / name
            shutil.copytree(source, app / name) if source.is_dir() else shutil.copy(source, app / name)
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    environment = {**os.environ, "PYTHONPATH": packages}
    for step in of("RUN"):
        text = re.sub(r"(?<!\S)(?=/(opt|jobs|models))", str(tmp_path), step.text)
        text = text.replace("--index-url https://download.pytorch.org/whl/cpu", "")
        text = re.sub(r"^python ", f"{sys.executable} ", text)
        (tmp_path / "opt").mkdir(exist_ok=True)
        subprocess.run(["bash", "-ec", text], cwd=app, env=environment, check=True, timeout=600)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    line = [in_place(word, tmp_path, port) for word in of("ENTRYPOINT")[0].words()]
    check = json.loads(in_place(of("HEALTHCHECK")[0].text.split("CMD ")[1], tmp_path, port))
    with subprocess.Popen(
        [*line, f"fa={RUN}"], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("http://0.0.0.0:")
            subprocess.run(check, env=environment, check=True, timeout=600)
        finally:
            process.send_signal(signal.SIGTERM)
            status = process.wait(60)
    assert status == 128 + signal.SIGTERM


def in_place(word: str, root: Path, port: str) -> str:
    """Return a word of the image as it is below another root, at another port."""
    for place in PLACES:
        word = re.sub(rf'(?<![\w.]){place}(?=[/"]|$)', f"{root}{place}", word)
    return word.replace("8080", port)
