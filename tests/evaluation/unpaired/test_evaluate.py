"""Evaluation without pairs refuses what needs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.errors import TransmodalError
from transmodal.evaluation.unpaired.evaluate import UnpairedOptions, evaluate_unpaired


def test_a_metric_of_pairs_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(TransmodalError, match="mae"):
        evaluate_unpaired([tmp_path / "run"], tmp_path / "cohort", UnpairedOptions(metrics=("mae",)))
