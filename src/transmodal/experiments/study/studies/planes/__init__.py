"""Planes: a run's slices along x, y and z against each other and fused, and whether their spread shows the error.

Comes in: runs of slices and a cohort. Goes out: figures by plane, what fusing brings, and error by spread.
Open first: `answer.py`; `passes.py` translates and scores a case, `spread.py` holds spread against error.
"""

from transmodal.experiments.study.studies.planes.answer import STUDY

__all__ = ["STUDY"]
