"""The wheel: it holds every file that the package needs, describes itself as PyPI takes it, and works where it is installed."""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from email.message import Message
from importlib import metadata
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from trove_classifiers import classifiers

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "transmodal"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BUILT = SOURCE / "publishing" / "runtime"
"""The web parts, where they were built."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    (path,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    return Path(path)


@pytest.fixture(scope="module")
def description(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as packed:
        (name,) = [name for name in packed.namelist() if name.endswith(".dist-info/METADATA")]
        return email.message_from_bytes(packed.read(name))


def test_it_holds_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        held = set(packed.namelist())
    files = [path for path in SOURCE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    wanted = {path.relative_to(SOURCE.parent).as_posix() for path in files if BUILT not in path.parents}
    assert wanted <= held
    for ending in (".py", ".yaml", ".nii.gz", ".tmz", ".css", ".html", ".js", "py.typed"):
        assert [name for name in wanted if name.endswith(ending)], ending
    assert not [name for name in held if not name.startswith(("transmodal/", "transmodal-"))]


def test_it_describes_itself_as_pypi_takes_it(description: Message) -> None:
    assert description["Name"] == "transmodal"
    assert description["Requires-Python"] == PROJECT["requires-python"]
    assert description["License-Expression"] == "Apache-2.0"
    assert set(description.get_all("License-File", [])) == set(PROJECT["license-files"])
    assert description["Description-Content-Type"] == "text/markdown"
    readme = description.get_payload(decode=True)
    assert isinstance(readme, bytes)
    assert readme.decode("utf-8") == (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(description.get_all("Classifier", [])) <= classifiers
    assert set(description.get_all("Provides-Extra", [])) == set(PROJECT["optional-dependencies"])
    assert len(description["Summary"]) <= 512


def test_the_oldest_python_is_that_of_what_it_stands_on() -> None:
    """Under the pins: an older Python could not install them, and no dependency asks for a newer one."""
    names = [re.split(r"[<>=\[!~; ]", requirement)[0] for requirement in PROJECT["dependencies"]]
    asked = [metadata.metadata(name).get("Requires-Python") or "" for name in names]
    oldest = max(
        tuple(map(int, found[1].split("."))) for text in asked if (found := re.search(r">=\s*(3\.\d+)", text))
    )
    assert PROJECT["requires-python"] == f">={oldest[0]}.{oldest[1]}"


@pytest.mark.slow
def test_it_works_where_it_is_installed(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(place), str(wheel)], check=True)
    environment = {**os.environ, "PYTHONPATH": str(place)}

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    where = run("-c", "import transmodal; print(transmodal.__file__)")
    assert Path(where.strip()) == place / "transmodal" / "__init__.py"
    assert (place / "bin" / "transmodal").is_file() or (place / "Scripts" / "transmodal.exe").is_file()
    assert "translate" in run("-m", "transmodal", "--help")
    assert "t1-to-fa" in run("-m", "transmodal", "models")
    assert '"transmodal"' in run("-m", "transmodal", "doctor", "--json")
