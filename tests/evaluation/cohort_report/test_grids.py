from __future__ import annotations

from transmodal.cohorts.store import Cohort
from transmodal.evaluation.cohort_report import grids
from transmodal.evaluation.cohort_report.summary import SummaryJob, summarise_case


def test_what_grids_have_in_common_is_said(cohort: Cohort) -> None:
    entries = cohort.manifest.cases[:2]
    summaries = [summarise_case(SummaryJob(cohort.folder, entry, False)) for entry in entries]
    text = grids.section(cohort, summaries)
    i, j, k = summaries[0].grid.shape
    assert f"<dt>Shape</dt><dd>{i} x {j} x {k} (2)</dd>" in text
    assert "<dt>Digest</dt>" in text
