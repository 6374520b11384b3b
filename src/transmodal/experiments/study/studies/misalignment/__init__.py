"""Misalignment: how fast a translation gets worse when a source lies beside the others, or the head lies elsewhere.

Comes in: runs and a cohort. Goes out: MAE and SSIM by kind and step of the move, and the step that costs 10 %.
Open first: `answer.py`; `moved.py` moves, translates and scores, `curves.py` takes the figures.
"""

from transmodal.experiments.study.studies.misalignment.answer import STUDY

__all__ = ["STUDY"]
