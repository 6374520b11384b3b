"""A cohort of six cases, one moved, one with the CT of another head."""

from __future__ import annotations

import pytest

from lumpy_heads import N_CASES, Maker
from transmodal.cohorts.case import CaseMaker
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.prepare.prepare import prepare
from transmodal.cohorts.store import Cohort
from transmodal.evaluation.cohort_report import page as cohort_page


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Six cases, one moved by 10 mm, one with another head's CT."""
    cases: list[CaseMaker] = [
        Maker(n, moved=2 * (n == 1), head=77 if n == 4 else None) for n in range(N_CASES)
    ]
    folder = tmp_path_factory.mktemp("quality") / "six"
    return prepare(cases, folder, PrepareOptions(counts=(4, 1, 1), copies="ignore"))


@pytest.fixture(scope="module")
def text(cohort: Cohort) -> str:
    return cohort_page.write(cohort).read_text(encoding="utf-8")
