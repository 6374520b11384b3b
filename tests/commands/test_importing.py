"""Importing, by Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import transmodal
from family_generators import NestedUNet, draw
from transmodal.errors import UsageError

WORDS: dict[str, Any] = {
    "source": "t1",
    "target": "fa",
    "intensity": {"t1": "p0.5,p99.5", "fa": "0,1"},
    "size": (32, 32),
}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.save(draw(NestedUNet((1, 1), 2, 4, "batch")).state_dict(), tmp_path / "g.pth")
    return tmp_path / "g.pth"


def test_an_imported_run_has_its_card_and_can_be_exported(weights: Path, tmp_path: Path) -> None:
    run = transmodal.import_weights(weights, tmp_path / "run", **WORDS)
    text = (run / "MODEL_CARD.md").read_text()
    assert "By another program" in text
    assert "Seed" not in text
    assert "imported: latest_net_G.pth of https://github.com/junyanz" in text
    assert transmodal.verify(transmodal.export(run, tmp_path / "model.tmz")).is_whole
    with pytest.raises(UsageError, match="exists") as taken:
        transmodal.import_weights(weights, run, **WORDS)
    assert taken.value.code == "E005"


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"intensity": ["t1=0,1"]}, "E004", "no intensity of fa"),
        ({"intensity": ["t1=0,1", "fa=p1,p99"]}, "E004", "percentiles of the target"),
        ({"size": "32"}, "E001", "Give --size 256,256"),
        ({"axes": "w"}, "E001", "axes"),
    ],
)
def test_what_no_file_tells_has_to_be_told(
    weights: Path, tmp_path: Path, changes: dict[str, Any], code: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        transmodal.import_weights(weights, tmp_path / "run", **{**WORDS, **changes})
    assert refused.value.code == code
