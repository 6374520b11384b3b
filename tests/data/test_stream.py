"""A stream: which windows of a case are read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.data.dataset import WindowDataset
from transmodal.data.stream import Stream
from transmodal.errors import InputError
from transmodal.volumes.windows.cut import Cutting

SHAPE = (9, 11, 8)


def test_windows_without_foreground_are_left_out(stream: Stream, blob: type[Any], tmp_path: Path) -> None:
    cohort = prepare([blob(5)], tmp_path / "c", PrepareOptions(ratios=(1, 0, 0), regions={"t1": ("body",)}))
    case = cohort.cases("train")[0]
    one = stream.cases[0]._replace(case=case)
    fraction = case.region("t1", "body").mean()
    sagittal = replace(
        stream, cases=(one,), region="body", axes=(0,), cutting=Cutting("slice"), min_foreground=1e-6
    )
    kept = len(WindowDataset(sagittal))
    assert 0 < fraction <= 1
    assert kept == int(case.region("t1", "body").any(axis=(1, 2)).sum())
    with pytest.raises(InputError, match="min_foreground") as refused:
        WindowDataset(replace(sagittal, min_foreground=1.1))
    assert refused.value.code == "E132"


def test_central_slices_alone(stream: Stream) -> None:
    dataset = WindowDataset(replace(stream, central=True))
    assert len(dataset) == 3
    assert torch.equal(dataset[1, 0].source, WindowDataset(stream)[SHAPE[2] + SHAPE[2] // 2, 0].source)
