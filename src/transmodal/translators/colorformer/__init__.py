"""ColorFormer: Ji et al., ColorFormer: Image Colorization via Color Memory assisted Hybrid-attention Transformer,
ECCV 2022.

The grey source gives the lightness; a network adds chrominance, the a and b of CIELAB. The encoder attends within
windows of a map, every second time to the whole map's means as well. On the way up every place asks a memory what
colours belong to what it shows: each entry is a meaning with several colours, among which the whole image chooses.
"""  # noqa: D205

from transmodal.translators.colorformer.translator import ColorFormer, Config, build

__all__ = ["ColorFormer", "Config", "build"]
