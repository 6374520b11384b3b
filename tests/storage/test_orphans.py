"""Half-written files of killed processes are removed, those of living ones are not."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from transmodal.storage import files, orphans

WRITER = """
import sys, time
from pathlib import Path
from transmodal.storage import files
with files.atomic_{kind}(Path(sys.argv[1]) / "x") as beside:
    print(beside, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("kind", ["path", "folder"])
def test_an_orphan_is_known_by_its_dead_writer(kind: str, tmp_path: Path) -> None:
    code = WRITER.format(kind=kind)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        beside = Path(writer.stdout.readline().strip())
        orphans.clear(tmp_path)
        assert beside.exists()
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    assert beside.exists()
    (tmp_path / ".partial-notes").write_text("another program's")
    files.write_json(tmp_path / "new.json", {})
    assert sorted(path.name for path in tmp_path.iterdir()) == [".partial-notes", "new.json"]


def test_orphans_below_a_folder(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (deep / ".partial-abcd1234.json").write_text("{")
    (deep / ".partial-abcd1235").mkdir()
    orphans.clear_below(tmp_path)
    assert list(deep.iterdir()) == []
    orphans.clear(tmp_path / "none")
