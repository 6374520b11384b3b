"""SAM's image encoder; Kirillov et al., Segment Anything, ICCV 2023.

The network is transformers' SamVisionModel. No weights come with this package: they are given by path, as the file
of Meta, of Hugging Face or of timm, and their tables of positions are brought to the size that is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets.frozen import FrozenNet

SamModel = Literal["b", "l", "h", "tiny"]
SamSize = Literal[256, 512, 1024]

PATCH = 16
"""Side of a patch, which is one token."""
WINDOW = 14
"""Side of the windows, in tokens, within which most layers attend."""


class Shape(NamedTuple):
    """The shape of an encoder, by which the sizes differ.

    Attributes:
        depth: layers.
        width: channels of a token.
        heads: of each layer's attention.
        everywhere: layers that attend to the whole image.
        channels: of the features.
    """

    depth: int
    width: int
    heads: int
    everywhere: tuple[int, ...]
    channels: int = 256


SHAPES: Mapping[SamModel, Shape] = {
    "b": Shape(12, 768, 12, (2, 5, 8, 11)),
    "l": Shape(24, 1024, 16, (5, 11, 17, 23)),
    "h": Shape(32, 1280, 16, (7, 15, 23, 31)),
    "tiny": Shape(2, 32, 2, (1,), 16),
}
_ADDRESS = "of https://dl.fbaipublicfiles.com/segment_anything"
PUBLISHED: Mapping[SamModel, str] = {
    "b": f"Download sam_vit_b_01ec64.pth {_ADDRESS} "
    "(SHA-256 ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912)",
    "l": f"Download sam_vit_l_0b3195.pth {_ADDRESS}",
    "h": f"Download sam_vit_h_4b8939.pth {_ADDRESS}",
    "tiny": "None are published for this size",
}

# Meta's and timm's names as regular expressions, and transformers' names; what fits none is the same in all.
_NAMES = (
    (r"^patch_embed\.proj\.", "patch_embed.projection."),
    (r"^blocks\.", "layers."),
    (r"\.norm([12])\.", r".layer_norm\1."),
    (r"\.mlp\.fc([12])\.", r".mlp.lin\1."),
    (r"^neck\.0\.", "neck.conv1."),
    (r"^neck\.1\.", "neck.layer_norm1."),
    (r"^neck\.2\.", "neck.conv2."),
    (r"^neck\.3\.", "neck.layer_norm2."),
)
# Meta's file and that of Hugging Face's SamModel hold more than the encoder; timm's holds it alone.
_PREFIXES = ("image_encoder.", "vision_encoder.")


class SamEncoder(nn.Module):
    """A ViT of 16 x 16 patches whose features a neck brings to 256 channels.

    Args:
        model: its size; `tiny` is for tests and trials.
        size: side that the longer side of an image is brought to; the features have a sixteenth of it.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, model: SamModel = "b", size: SamSize = 1024) -> None:
        from transformers import SamVisionConfig, SamVisionModel  # takes seconds

        super().__init__()
        shape, self._size = SHAPES[model], size
        self._everywhere = shape.everywhere
        config = SamVisionConfig(
            hidden_size=shape.width,
            num_hidden_layers=shape.depth,
            num_attention_heads=shape.heads,
            global_attn_indexes=shape.everywhere,
            output_channels=shape.channels,
            image_size=size,
            window_size=WINDOW,
            initializer_range=0.02,
        )
        self.vision_encoder = SamVisionModel(config).vision_encoder
        for name, table in self.vision_encoder.named_parameters():
            if "pos" in name:  # zeros otherwise, with which random weights would not know where they are
                nn.init.normal_(table, std=0.02)
        mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        self.register_buffer("mean", mean.view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", deviation.view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Map `(B, 3, H, W)` in [0, 1] to features `(B, C, h, w)`; the longer of h and w is `size / 16`.

        The shorter side is brought to whole patches, and the rest of the square is padded with zeros, as SAM pads;
        the padding's features are cut off. A square image is resized only.
        """
        rows, columns = self._tokens(images)
        sides = (PATCH * rows, PATCH * columns)
        x = F.interpolate(images, sides, mode="bilinear", antialias=True)
        x = (x - self.mean) / self.deviation
        x = F.pad(x, (0, self._size - sides[1], 0, self._size - sides[0]))
        features: Tensor = self.vision_encoder(x).last_hidden_state
        return features[..., :rows, :columns]

    def stages(self, images: Tensor) -> dict[str, Tensor]:
        """Return the tokens behind each layer that attends to the whole image, and the neck's features, by name.

        Args:
            images: `(B, 3, H, W)` in [0, 1].

        Returns:
            `(B, C, h, w)` each; what stands between two such layers sees windows alone, so that they end its stages.
        """
        rows, columns = self._tokens(images)
        tokens: dict[str, Tensor] = {}
        with ExitStack() as hooks:
            for number in self._everywhere:
                hook = _Keeper(tokens, f"SAM layer {number + 1}")
                handle = self.vision_encoder.layers[number].register_forward_hook(hook)
                hooks.callback(handle.remove)
            neck = self(images)
        maps = {name: x.permute(0, 3, 1, 2)[..., :rows, :columns] for name, x in tokens.items()}
        return {**maps, "SAM neck": neck}

    def _tokens(self, images: Tensor) -> tuple[int, int]:
        """Return the patches that images have along each side, without the padding."""
        longest = max(images.shape[2:])
        rows, columns = (max(1, round(side * self._size / PATCH / longest)) for side in images.shape[2:])
        return rows, columns


class _Keeper:
    """A hook that keeps what a layer gives, `(B, h, w, C)`, under a name."""

    def __init__(self, kept: dict[str, Tensor], name: str) -> None:
        self._kept, self._name = kept, name

    def __call__(self, layer: nn.Module, inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
        # Some versions of transformers give a tuple, with attention behind the tokens.
        self._kept[self._name] = output if isinstance(output, Tensor) else output[0]


def pretrained_sam(path: str | None, model: SamModel, size: SamSize, otherwise: str) -> FrozenNet:
    """Return the encoder with the weights of a file.

    Args:
        path: of the weights; `random` for seeded random ones.
        model: which size the file is of.
        size: side of its images.
        otherwise: what to set, for the message when there are no weights.
    """
    published = f"{PUBLISHED[model]}; {otherwise}"
    return FrozenNet(
        lambda: SamEncoder(model, size), path, published, lambda tensors: rename_tensors(tensors, model, size)
    )


def rename_tensors(tensors: Mapping[str, Tensor], model: SamModel, size: SamSize) -> dict[str, Tensor]:
    """Return a file's tensors of the encoder under our names, with positions for images of this size.

    Args:
        tensors: Meta's tensors, those of Hugging Face, or timm's.
        model: which size they are of.
        size: side of the images.
    """
    prefix = next(
        (candidate for candidate in _PREFIXES if any(name.startswith(candidate) for name in tensors)), ""
    )
    encoder_tensors = {}
    for name, value in tensors.items():
        if name.startswith(prefix):
            ours = name.removeprefix(prefix)
            for pattern, replacement in _NAMES:
                ours = re.sub(pattern, replacement, ours)
            encoder_tensors[f"vision_encoder.{ours}"] = _fitted(ours, value, SHAPES[model], size // PATCH)
    return encoder_tensors


def _fitted(name: str, table: Tensor, shape: Shape, tokens: int) -> Tensor:
    """Return a table of positions for so many tokens per side; other tensors as they are.

    Absolute positions by bicubic interpolation, as timm has it; relative ones of the layers that attend everywhere
    by linear interpolation, as SAM's code has it.
    """
    if name == "pos_embed" and table.ndim == 4 and table.shape[1:3] != (tokens, tokens):
        image = table.float().permute(0, 3, 1, 2)
        return F.interpolate(image, (tokens, tokens), mode="bicubic", antialias=True).permute(0, 2, 3, 1)
    relative, length = re.fullmatch(r"layers\.(\d+)\.attn\.rel_pos_[hw]", name), 2 * tokens - 1
    if relative and int(relative[1]) in shape.everywhere and table.ndim == 2 and len(table) != length:
        return F.interpolate(table.float().T[None], length, mode="linear")[0].T
    return table
