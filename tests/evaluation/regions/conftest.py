from __future__ import annotations

from pathlib import Path

import pytest

from group_files import write_group


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a group of files, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    return write_group(tmp_path)
