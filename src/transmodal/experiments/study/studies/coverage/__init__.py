"""Coverage: whether intervals that were calibrated on validation subjects hold on test subjects, and on another site.

Comes in: runs, a cohort with validation and test subjects, and the cohort of another site. Goes out: the share of voxels and of
regional means inside their intervals, by level. Open first: `answer.py`; `measure.py` calibrates and counts.
"""

from transmodal.experiments.study.studies.coverage.answer import STUDY

__all__ = ["STUDY"]
