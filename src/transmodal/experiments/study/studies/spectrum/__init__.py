"""Spectra: which frequencies a translator loses, and which it invents.

Comes in: runs and a cohort. Goes out: power by frequency of source, target and synthetic, and how much of it is the target's.
Open first: `answer.py`; `rings.py` takes spectra of slices, `spectra.py` those of a case.
"""

from transmodal.experiments.study.studies.spectrum.answer import STUDY

__all__ = ["STUDY"]
