from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.prepare.prepare import prepare
from transmodal.cohorts.store import Cohort

MakeCase = Callable[..., Case]
Ready = Callable[[Case], CaseMaker]
SHARES = PrepareOptions(ratios=(2, 1, 1))


@pytest.fixture
def cohort(a_case: MakeCase, ready: Ready, tmp_path: Path) -> Callable[..., Cohort]:
    def make(name: str, *ids: str, seed: int = 0, options: PrepareOptions = SHARES) -> Cohort:
        return prepare([ready(a_case(one, seed=seed)) for one in ids], tmp_path / name, options)

    return make
