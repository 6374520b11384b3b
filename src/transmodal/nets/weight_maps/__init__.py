"""Maps from the tensors of published files of weights to those of our networks.

The names and shapes are those of the files; which of them are taken, and how they are brought into another size, follows
the code that the papers' authors published. Each function returns the tensors of a module whose names begin with
`prefix`, and patterns of the names that are ignored.
"""

from transmodal.nets.weight_maps._parts import WeightMap
from transmodal.nets.weight_maps.convolutional import VGG16, convnext, convnext_file, vgg16
from transmodal.nets.weight_maps.swin import GLH, SWIN_T, glh_transformer, swin_unet
from transmodal.nets.weight_maps.vit import (
    R50_VIT,
    VIT_HEAD,
    VIT_LAYERS,
    VIT_RESNET,
    vit_layers,
    vit_resnet,
    vit_tokens,
)

__all__ = [
    "GLH",
    "R50_VIT",
    "SWIN_T",
    "VGG16",
    "VIT_HEAD",
    "VIT_LAYERS",
    "VIT_RESNET",
    "WeightMap",
    "convnext",
    "convnext_file",
    "glh_transformer",
    "swin_unet",
    "vgg16",
    "vit_layers",
    "vit_resnet",
    "vit_tokens",
]
