"""TCGAN: Li, Qu, Yang, Zhang, Li and Hu, TCGAN: a transformer-enhanced GAN for PET synthetic CT, Biomedical Optics
Express 13(11), 2022.

A U-Net beside a transformer that grows its map as TransGAN does: the whole image becomes one vector, the vector a
coarse map of tokens, and the tokens are rearranged into finer maps. What both make is averaged, or the U-Net goes
over what the transformer has made. Against a conditional patch discriminator, with a smooth L1.
"""  # noqa: D205

from transmodal.translators.tcgan.config import Config
from transmodal.translators.tcgan.translator import Tcgan, build

__all__ = ["Config", "Tcgan", "build"]
