"""AGI-Net: Song et al., Adaptive Group-wise Interaction Network for Multimodal MRI Synthesis, arXiv 2411.14684, 2024.

Several sources, one target. A residual U-Net keeps each modality in a group of channels of its own; its encoder's
convolutions weigh the groups by what all of them show (cross group attention) and move each group's kernels by
predicted offsets (group-wise rolling), because modalities never lie quite on each other. Sources may be missing.
The paper's equations were not at hand: docs/papers/agi_net.md says what is evidence and what is decided here.
"""

from transmodal.translators.agi_net.config import Config
from transmodal.translators.agi_net.translator import AGINet, build

__all__ = ["AGINet", "Config", "build"]
