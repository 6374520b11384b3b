"""The program of OpenVINO's process: an error is one word; what it computes is held to torch beside `test_openvino`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from transmodal.exporting import _openvino_child as child


@pytest.mark.parametrize("work", ["convert", "run"])
def test_an_error_is_one_word_in_a_file(work: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(scratch: Path, folder: Path) -> dict[str, object]:
        raise OSError("of\nmany lines")

    monkeypatch.setattr(child, work, fail)
    child.main(work, tmp_path, tmp_path)
    assert json.loads((tmp_path / "error.json").read_text()) == {"kind": "OSError"}
    assert not (tmp_path / "answer.json").exists()
    monkeypatch.setattr(child, work, lambda scratch, folder: {"seconds": [1.0]})
    child.main(work, tmp_path, tmp_path)
    assert json.loads((tmp_path / "answer.json").read_text()) == {"seconds": [1.0]}
