"""Macro2Micro: Kim, Kwon, Kwon, Min, Bae, Lin, Yoo and Cha, arXiv 2412.11277, 2024.

Synthetic microstructure (FA) from macrostructure (T1). Octave convolutions carry high and low frequencies apart and
let them exchange; a brain-focused discriminator compares patches that are cut where the mini-batch has brain. Widths,
losses and weights follow the authors' early public code; what that leaves open is decided in docs/papers/macro2micro.md.
"""

from transmodal.translators.macro2micro.config import Config
from transmodal.translators.macro2micro.translator import Macro2Micro, build

__all__ = ["Config", "Macro2Micro", "build"]
