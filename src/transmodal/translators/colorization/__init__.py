"""MRI colorization: Mathur et al., Structurally Consistent MRI Colorization using Cross-modal Fusion Learning, 2024.

arXiv 2412.10452, ISBI 2025. Grey MR slices get the colours of cryosections. A cycle of two generators; the one
that colours has two decoders: c' maps organs to colours, and a label U-Net, trained first and then left alone,
has to find the cryosection's labels in it; c^ colours the slice with c''s features at hand, and keeps its structure.
Images are in [0, 1] here, as in the paper: m is the MR slice, c the cryosection, s its labels.
"""

from transmodal.translators.colorization.config import Config
from transmodal.translators.colorization.translator import Colorization, build

__all__ = ["Colorization", "Config", "build"]
