"""The cohort's page drawn where it can be: a cohort stands without one."""

from __future__ import annotations

import logging
from pathlib import Path

from transmodal.cohorts.store import Cohort
from transmodal.errors import TransmodalError
from transmodal.evaluation.cohort_report import page
from transmodal.progress import Progress, report_stage


def draw_page(
    cohort: Cohort, workers: int, progress: Progress | None, *, has_viewer: bool = False
) -> Path | None:
    """Write the cohort's page and return its path; None, with a warning, where that failed.

    Args:
        cohort: prepared.
        workers: processes.
        progress: shows each case; None shows nothing.
        has_viewer: also write a page per case beside it, which shows the volumes.
    """
    try:
        draw = report_stage(progress, "draw")
        return page.write(cohort, workers=workers, progress=draw, has_viewer=has_viewer)
    except TransmodalError as error:
        logging.getLogger(__name__).warning("no cohort.html: %s", error.line())
        return None
