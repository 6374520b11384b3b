"""The cohort's page drawn where it can be: a cohort stands without one."""

from __future__ import annotations

import logging
from pathlib import Path

from transmodal.cohorts.store import Cohort
from transmodal.errors import TransmodalError
from transmodal.evaluation.cohort_report import page
from transmodal.progress import Progress, report_stage


def draw_page(cohort: Cohort, workers: int, progress: Progress | None) -> Path | None:
    """Write the cohort's page and return its path; None, with a warning, where that failed.

    Args:
        cohort: prepared.
        workers: processes.
        progress: shows each case; None shows nothing.
    """
    try:
        return page.write(cohort, workers=workers, progress=report_stage(progress, "draw"))
    except TransmodalError as error:
        logging.getLogger(__name__).warning("no cohort.html: %s", error.line())
        return None
