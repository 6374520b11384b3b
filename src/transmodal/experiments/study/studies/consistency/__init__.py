"""Consistency: steps that a translation leaves between slices, and whether a segmenter can work with its volume.

Comes in: runs and a cohort, perhaps a segmenter. Goes out: steps along each axis, and Dice with the synthetic contrast put in.
Open first: `answer.py`; `steps.py` and `flicker.py` take steps, `put_in.py` and `overlaps.py` overlaps.
"""

from transmodal.experiments.study.studies.consistency.answer import STUDY

__all__ = ["STUDY"]
