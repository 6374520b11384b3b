"""Dimensions: a translator of slices along one plane, of slices of three planes fused, and of patches, with their cost.

Comes in: runs of slices and runs of patches of the same translators, and a cohort. Goes out: figures by form, and cost.
Open first: `answer.py`; `forms.py` translates, times and scores a case, `figures.py` holds the forms against each other.
"""

from transmodal.experiments.study.studies.dimensions.answer import STUDY

__all__ = ["STUDY"]
