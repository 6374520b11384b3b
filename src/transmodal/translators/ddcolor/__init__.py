"""DDColor: Kang et al., DDColor: Towards Photo-Realistic Image Colorization via Dual Decoders, ICCV 2023.

The grey source gives the lightness; a network adds chrominance, the a and b of CIELAB. ConvNeXt sees the image; one
decoder enlarges its maps back to pixels; in the other, learnt queries look at the first one's maps, coarse to fine and
again, and become colours. Each colour's map is its likeness to each pixel. Besides the distance of a and b there are
a perceptual and an adversarial term, and one that asks for colour.
"""

from transmodal.translators.ddcolor.translator import Config, DDColor, build

__all__ = ["Config", "DDColor", "build"]
