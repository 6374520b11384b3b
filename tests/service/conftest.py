from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from served import Served, serving


@pytest.fixture(scope="session")
def jobs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("service") / "jobs"


@pytest.fixture(scope="session")
def served(jobs_folder: Path) -> Iterator[Served]:
    """A service of small limits that all tests share: 2 MiB, 2 seconds of patience, 12 jobs."""
    options = ("--folder", str(jobs_folder), "--patience", "2", "--max-upload", "2", "--jobs", "12")
    with serving(jobs_folder.parent, *options) as service:
        yield service
        assert service.process.poll() is None, "it has to be there at the end"
        assert not [event for event in service.events() if event["event"] == "bug"]
