"""MRNet: Lee, Jo, Hong and Park, Multifaceted Resilient Networks, arXiv 2412.03039, 2024.

A U-Net whose every encoder stage is joined with features of SAM's frozen image encoder, and whose image is corrected
by a chain of masks, against pix2pix's discriminator. What the paper leaves open, and where it contradicts itself, is
decided in docs/papers/mrnet.md; every other reading is a setting.
"""

from transmodal.translators.mrnet.config import Config
from transmodal.translators.mrnet.translator import MRNet, build

__all__ = ["Config", "MRNet", "build"]
