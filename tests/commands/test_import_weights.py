"""`transmodal import`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from family_generators import NestedUNet, draw
from transmodal import cli


def test_it_says_where_the_run_is_and_asks_for_what_no_file_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(draw(NestedUNet((1, 1), 2, 4, "batch")).state_dict(), tmp_path / "g.pth")
    line = (
        f"import {tmp_path}/g.pth -o {tmp_path}/run --source t1 --target fa --size 32,32 --intensity t1=0,800"
    )
    assert cli.run([*line.split(), "--intensity", "fa=0,1"]) == 0
    assert "imported" in capsys.readouterr().out
    assert (tmp_path / "run" / "checkpoints" / "best" / "manifest.json").is_file()
    assert cli.run(line.replace("/run", "/other").split()) == 2
    assert "--intensity fa=LOW,HIGH" in capsys.readouterr().err
    assert cli.run(["import", f"{tmp_path}/g.pth", "-o", f"{tmp_path}/other"]) == 2
