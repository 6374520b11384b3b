"""Quantizing by Python takes names and paths as the command does."""

from __future__ import annotations

from pathlib import Path

import pytest

import transmodal
from transmodal.errors import TransmodalError


def test_the_last_checkpoint_has_a_network_of_its_own(folders: Path) -> None:
    steps = list[tuple[str, int, int]]()
    made = transmodal.quantize(
        Path("run"), Path("cohort"), checkpoint="last", progress=lambda *step: steps.append(step)
    )
    assert made.folder == Path("run/int8/last")
    assert steps[-1][1] == steps[-1][2] == made.loss.subjects
    with pytest.raises(TransmodalError, match="its best checkpoint") as refused:
        transmodal.load("run", engine="int8")
    assert refused.value.code == "E134"
    assert transmodal.load("run", engine="int8", checkpoint="last").engine_name == "int8"
