"""Metrics: what each of them sees of the faults that synthetic images have, and where one prefers the worse picture.

Comes in: a cohort alone. Goes out: every metric's answer to every distortion in its strengths.
Open first: `answer.py`; `distortions.py` makes the faults.
"""

from transmodal.experiments.study.studies.metrics.answer import STUDY

__all__ = ["STUDY"]
