"""Few pairs: how good a translation is by the number of subjects that it learned from, with pairs and without.

Comes in: recipes and a cohort. Goes out: error and SSIM by number of training subjects on one budget of steps, what
more subjects bring, and pairs against no pairs. Open first: `answer.py`; `budget.py` gives recipes their steps.
"""

from transmodal.experiments.study.studies.few_pairs.answer import STUDY

__all__ = ["STUDY"]
