"""One ground and one session for all tests of reader studies; whoever answers works on a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import reading_sessions
from reading_sessions import ReadingGround, Sitting


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> ReadingGround:
    return reading_sessions.write_ground(tmp_path_factory.mktemp("ground"))


@pytest.fixture(scope="session")
def pristine(ground: ReadingGround, tmp_path_factory: pytest.TempPathFactory) -> Sitting:
    folder = tmp_path_factory.mktemp("reading")
    made = reading_sessions.make(ground, folder)
    return Sitting(folder / "session", made.session, made.key)


@pytest.fixture
def sitting(pristine: Sitting, tmp_path: Path) -> Sitting:
    shutil.copytree(pristine.folder.parent, tmp_path / "reading")
    return pristine._replace(folder=tmp_path / "reading" / "session")
