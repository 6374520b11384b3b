"""Spectra: which frequencies a translator loses, and which it invents.

Comes in: runs and a cohort. Goes out: power by frequency of source, target and synthetic, how much of it is the target's,
power by frequency of the stages of networks that show them, and the response of any network to gratings.
Open first: `answer.py`; `rings.py` takes spectra of slices, `spectra.py` those of a case, `bands.py` says what they tell;
`networks.py` looks into a run by `stages.py` and `gratings.py`, `inside.py` says what that tells.
"""

from transmodal.experiments.study.studies.spectrum.answer import STUDY

__all__ = ["STUDY"]
