"""Masks and attention: where learned maps act, what they discard, and whether anything hangs on them.

Comes in: runs of MRNet and AGI-Net, and a cohort. Goes out: overlap, place and importance of their maps.
Open first: `answer.py`; `maps.py` takes the maps, `importance.py` leaves masks out.
"""

from transmodal.experiments.study.studies.masks.answer import STUDY

__all__ = ["STUDY"]
