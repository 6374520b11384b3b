"""Biology: which part of a person survives translation, and which is invented.

Comes in: runs, a cohort, and the folder of its virtual subjects. Goes out: how regional values agree over subjects.
Open first: `answer.py`; `values.py` takes the values that all parts share.
"""

from transmodal.experiments.study.studies.biology.answer import STUDY

__all__ = ["STUDY"]
