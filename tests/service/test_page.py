"""The how-to page: its commands for curl, run one block after the other against a service."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from served import SOURCE, Served
from transmodal import cli
from transmodal.volumes import io
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "serve.md"


def blocks() -> list[str]:
    return re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_commands_of_the_page_run(served: Served, tmp_path: Path) -> None:
    shutil.copy(SOURCE, tmp_path / "t1.nii.gz")
    source = io.read(SOURCE)
    series = source.with_voxels(np.rint(source.voxels).astype(np.int16))
    write_series(series, tmp_path / "series", SeriesAbout("MR", "t1", "A", "1.2.3", "1.2.9"))
    script = "".join(blocks()).replace("127.0.0.1:8080", f"127.0.0.1:{served.port}")
    assert script.count("curl") >= 14
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f'{script}\necho "job=$job"'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert io.read(tmp_path / "fa.nii.gz").grid.same_as(source.grid)
    assert cli.run(["verify", str(tmp_path / "fa.nii.gz")]) == 0
    (error,) = re.findall(r'\{"error":.*?\}\}', done.stdout)
    said = re.search(r'gives `(\{"error".*?\}\})`', PAGE.read_text(encoding="utf-8"))
    assert said is not None
    assert error == said[1].replace('": ', '":').replace(', "', ',"')
    job = done.stdout.rpartition("job=")[2].strip()
    assert served.wait(job)["state"] == "done"
    served.ask("DELETE", f"/jobs/{job}")
