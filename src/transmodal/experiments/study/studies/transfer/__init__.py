"""Transfer: how much worse a run is on a site, an age group or a field strength that it did not learn from.

Comes in: recipes, a cohort, and what parts its people. Goes out: figures of runs by where they learned and where they
are scored, the drop with its interval, and the same recipe on other contrasts. Open first: `answer.py`.
"""

from transmodal.experiments.study.studies.transfer.answer import STUDY

__all__ = ["STUDY"]
