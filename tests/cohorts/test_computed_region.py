from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.computed_region import computed_region
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.prepare.prepare import prepare


def test_a_damaged_region_is_computed_again(
    a_case: Callable[..., Case],
    ready: Callable[[Case], CaseMaker],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cohort = prepare([ready(a_case())], tmp_path / "cohort", PrepareOptions(ratios=(1, 0, 0)))
    inside = np.array(computed_region(cohort.case("s01"), "t1", "body"))
    assert inside.any()
    (path,) = cohort.folder.glob("working/regions-1/s01/*.npy")
    whole = path.read_bytes()
    np.save(path, np.ones_like(np.load(path)))
    np.testing.assert_array_equal(computed_region(cohort.case("s01"), "t1", "body"), inside)
    assert path.read_bytes() == whole
    assert "it is made again" in caplog.text
