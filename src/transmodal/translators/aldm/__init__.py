"""ALDM: Kim and Park, Adaptive Latent Diffusion Model for 3D Medical Image to Image Translation: Multi-modal Magnetic
Resonance Imaging Study, WACV 2024; here in two dimensions.

First an autoencoder with a codebook learns latent maps of all contrasts; then blocks of switchable SPADE learn to map
the source's latents to the target's; then a diffusion model learns to draw the target's latents beside both. Translating
draws: from noise that each window's own seed gives. docs/papers/aldm.md says what differs from the original.
"""  # noqa: D205

from transmodal.translators.aldm.config import Config
from transmodal.translators.aldm.translator import ALDM, build

__all__ = ["ALDM", "Config", "build"]
