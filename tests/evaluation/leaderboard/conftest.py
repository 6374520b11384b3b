"""Evaluations on the disk, of models that err by an offset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transmodal.evaluation.provenance import ANOTHER_PROGRAM, ORIGIN
from transmodal.evaluation.report.write import write
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.task import EvaluationTask
from transmodal.metrics.protocol import Protocol
from transmodal.metrics.table import Row


@pytest.fixture
def write_entry(tmp_path: Path) -> Callable[..., Path]:
    """Write an evaluation of one model, with one oracle, and return its folder."""

    def build(
        name: str,
        offset: float,
        *,
        digest: str = "d" * 64,
        data_range: float = 4024,
        patients: int = 7,
        record: dict[str, Any] | None = None,
        has_more: bool = False,
    ) -> Path:
        rng = np.random.default_rng(7)
        base = 50 + 5 * rng.standard_normal(patients)
        jitter = np.random.default_rng(sum(map(ord, name))).standard_normal(patients)
        protocol = Protocol("mask", 3, "HU", data_range)
        rows = [
            Row(f"case-{n}", f"P{n}", who, "mae", float(value), "HU", protocol)
            for who, values in ((name, base + offset + jitter), ("mean_target", base + 40))
            for n, value in enumerate(values)
        ]
        rows += [row._replace(metric="mse") for row in rows if has_more]
        task = EvaluationTask(("mr",), "ct", data_range, "heads", digest, "test", 3)
        records = {name: {ORIGIN: ANOTHER_PROGRAM, **(record or {})}}
        evaluation = Evaluation(task, (name,), ("mean_target",), tuple(rows), records=records)
        write(evaluation, tmp_path / f"entry-{name}")
        return tmp_path / f"entry-{name}"

    return build
