"""PPT: Zhang et al., High-Resolution Medical Image Translation via Patch Alignment-Based Bidirectional Contrastive
Learning, MICCAI 2024.

A deep residual generator whose own encoder compares images: what a place of the source looks like to it must be
told from other places by what the same place of the synthetic image looks like. The target, translated into itself,
is compared with the target in both directions.
"""  # noqa: D205

from transmodal.translators.ppt.config import Config
from transmodal.translators.ppt.translator import Ppt, build

__all__ = ["Config", "Ppt", "build"]
