"""MRNet: settings, networks, players and losses; the package cites the paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.losses.conditional_gan import discriminator_terms, generator_terms
from transmodal.nets.blocks import full_precision, normal_init
from transmodal.nets.frozen import FrozenNet
from transmodal.nets.patchgan import PatchDiscriminator
from transmodal.nets.sides import check_sides
from transmodal.translators._base import Translator, TranslatorConfig
from transmodal.translators.mrnet.sam import SHAPES, SamModel, SamSize, pretrained_sam


class Config(TranslatorConfig):
    """The paper's values, and our decisions where it gives none.

    Attributes:
        levels: times that the sides are halved; 8 takes 256 x 256 to 1 x 1.
        sam: file of SAM's weights, `random`, or `none` for an encoder without SAM's features.
        sam_model: size of SAM's encoder; `tiny` has random weights only.
        sam_size: side that SAM sees images at; the features have a sixteenth of it.
        sam_route: `encoder`: joined features go down and into the skips; `skip`: into the skips and the decoder alone.
        adaptor_kernel: of the convolutions C_i that adapt SAM's features.
        fuse: how T_i begins: `conv` brings the joined channels back to half, `norm_act` leaves them.
        soft_clamp: whether S acts between encoder and decoder.
        softness: S's slope outside of 0 to 1.
        output: `unit`: tanh behind norm and ReLU, as the text has it, [0, 1]; `signed`: tanh alone, [-1, 1].
        masks: how many correct the image, one after the other.
        mask_rule: `sequential`: each mask acts once; `literal`: eq. 5 as printed.
        mask_hidden: channels within a mask's network.
        mask_space: `faithful`: masks multiply the image as it is; `unit`: brought to [0, 1], so that 0 is air.
        l1_weight: of the mean absolute error.
        feature_weight: of what masks discard; 0 leaves it out.
        mask_weight: of how much masks close; 0 leaves it out.
        discard_of: whether what a mask discards is taken of the image behind it, as printed, or before it.
        discriminator_norm: `instance` as in the generator, or `batch` as in pix2pix.
    """

    levels: int = Field(8, ge=2, le=9)
    sam: str | None = None
    sam_model: SamModel = "b"
    sam_size: SamSize = 1024
    sam_route: Literal["encoder", "skip"] = "encoder"
    adaptor_kernel: Literal[1, 3] = 1
    fuse: Literal["conv", "norm_act"] = "conv"
    soft_clamp: bool = True
    softness: float = Field(0.001, ge=0, lt=1)
    output: Literal["unit", "signed"] = "unit"
    masks: int = Field(2, ge=0, le=8)
    mask_rule: Literal["sequential", "literal"] = "sequential"
    mask_hidden: int = Field(64, ge=1)
    mask_space: Literal["faithful", "unit"] = "faithful"
    l1_weight: float = Field(100.0, ge=0)
    feature_weight: float = Field(0.1, ge=0)
    mask_weight: float = Field(0.05, ge=0)
    discard_of: Literal["output", "input"] = "output"
    discriminator_norm: Literal["instance", "batch"] = "instance"


class Outputs(NamedTuple):
    """What all players judge.

    Attributes:
        synthetic: `(B, T, H, W)` in the output's range.
        images: `(B, n + 1, T, H, W)`: y_0 to y_n, as the masks see them.
        masks: `(B, n, T, H, W)`: M_1 to M_n in (0, 1).
    """

    synthetic: Tensor
    images: Tensor
    masks: Tensor


class MRNet(Translator[Outputs]):
    """A conditional GAN with two players and a frozen encoder."""

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.output_range = config.output
        self.batch_coupled = config.discriminator_norm == "batch"
        self.generator = Generator(config)
        self.discriminator = PatchDiscriminator(
            config.in_channels + config.target_channels, config.width, config.discriminator_norm
        )
        self._sam: FrozenNet | None = None
        if config.sam != "none":
            otherwise = "set settings.sam to its path, or settings.sam=random or settings.sam=none."
            self._sam = pretrained_sam(config.sam, config.sam_model, config.sam_size, otherwise)

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Translate `(B, C, H, W)` into `(B, T, H, W)` in the output's range; `features` are `encode`'s."""
        return self._translate(source, available, features).synthetic

    def masks_of(self, source: Tensor, available: Tensor, features: Tensor | None = None) -> Tensor:
        """Return the masks `(B, n, T, H, W)` in (0, 1) with which a source is translated."""
        return self._translate(source, available, features).masks

    def encode(self, source: Tensor) -> Tensor | None:
        """Return SAM's features `(B, 256, s, s)`, rounded to float16; None without SAM.

        SAM sees one image in [0, 1]: of a slab the middle slice, of several modalities their mean.
        """
        if self._sam is None:
            return None
        with torch.no_grad(), full_precision(source):
            features: Tensor = self._sam(self._picture(source.float()))
        return features.half().float()

    def encoder(self) -> str | None:
        """Return SAM's hash, size and side of images; None without SAM."""
        config = self.config
        return None if self._sam is None else f"{self._sam.digest()}/{config.sam_model}/{config.sam_size}"

    def frozen(self) -> Mapping[str, FrozenNet]:
        """Return SAM, unless it is switched off."""
        return {} if self._sam is None else {"sam": self._sam}

    def size_multiple(self) -> int:
        """Return what the sides must be a multiple of."""
        return int(2**self.config.levels)

    def players(self, phase: str) -> Mapping[str, nn.Module]:
        """Return the discriminator, then the generator with its masks."""
        return {"discriminator": self.discriminator, "generator": self.generator}

    def synthesise(self, batch: Batch) -> Outputs:
        """Run the generator once.

        Raises:
            UsageError: E004 for windows on which the discriminator has no verdict, and as `check`.
        """
        check_sides(batch.source, self.discriminator.least_side, "the discriminator")
        return self._translate(batch.source, batch.available, batch.features)

    def losses(self, player: str, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return that player's terms: of the generator those of eq. 11."""
        judged = (self.discriminator, batch.source, outputs.synthetic, batch.paired())
        if player == "discriminator":
            return discriminator_terms(*judged)
        terms = generator_terms(*judged, l1_weight=self.config.l1_weight)
        return terms | self._mask_terms(outputs)

    def _mask_terms(self, outputs: Outputs) -> dict[str, Tensor]:
        """Eq. 8 to 10: the inverse masks, and what they discard; a mean for each mask, summed over the masks."""
        config, inverse = self.config, 1 - outputs.masks
        images = outputs.images[:, 1:] if config.discard_of == "output" else outputs.images[:, :-1]
        terms = {}
        if config.masks and config.feature_weight > 0:
            discarded = (images * inverse).abs().mean(dim=(0, 2, 3, 4)).sum()
            terms["feature"] = config.feature_weight * discarded
        if config.masks and config.mask_weight > 0:
            terms["mask"] = config.mask_weight * inverse.mean(dim=(0, 2, 3, 4)).sum()
        return terms

    def _translate(self, source: Tensor, available: Tensor, features: Tensor | None) -> Outputs:
        self.check(source, available)
        if features is None:
            features = self.encode(source)
        images, masks = self.generator(source, None if self._sam is None else features)
        last = images[:, -1]
        return Outputs(2 * last - 1 if self.generator.shifts else last, images, masks)

    def _picture(self, source: Tensor) -> Tensor:
        """Bring `(B, C, H, W)` in [-1, 1] to `(B, 3, H, W)` in [0, 1]."""
        config = self.config
        slabs = source.reshape(len(source), -1, config.slab_depth, *source.shape[2:])
        middle = slabs[:, :, config.slab_depth // 2]
        modalities = torch.split(middle, list(config.source_channels), dim=1)
        colours = [
            one if one.shape[1] == 3 else one.mean(1, keepdim=True).expand(-1, 3, -1, -1)
            for one in modalities
        ]
        return (torch.stack(colours).mean(dim=0) + 1) / 2


class Generator(nn.Module):
    """Encoder stages E_i joined with SAM's features, decoder stages D_i, and the masks.

    Attributes:
        shifts: whether the masks see a signed image brought to [0, 1].
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = [config.width * min(2**level, 8) for level in range(config.levels)]
        self._config = config
        self.shifts = config.mask_space == "unit" and config.output == "signed"
        self.encoder = nn.ModuleList()
        before, skips = config.in_channels, list[int]()
        for level, after in enumerate(widths):
            # No norm on the image itself, as in pix2pix, and none at the bottom, where the map is 1 x 1.
            stage = _Stage(before, after, config, normed=0 < level < config.levels - 1)
            self.encoder.append(stage)
            skips.append(stage.channels)
            before = after if config.sam_route == "skip" else stage.channels
        before = skips.pop()
        self.decoder = nn.ModuleList()
        for after in reversed(widths[:-1]):
            self.decoder.append(_Up(before, after))
            before = after + skips.pop()
        self.head = nn.ConvTranspose2d(before, config.target_channels, 4, 2, 1)
        self.masks = nn.ModuleList(
            _Mask(config.target_channels, config.mask_hidden) for _ in range(config.masks)
        )
        normal_init(self)

    def forward(self, source: Tensor, features: Tensor | None) -> tuple[Tensor, Tensor]:
        """Map `(B, C, H, W)` and SAM's `(B, 256, s, s)` to float32 y_0 to y_n and M_1 to M_n, stacked."""
        config, x, skips = self._config, source, list[Tensor]()
        for stage in self.encoder:
            x, joined = stage(x, features)
            skips.append(joined)
        x = skips.pop()
        if config.soft_clamp:
            x = soft_clamp(x, config.softness)
        for up in self.decoder:
            x = torch.cat([up(x), skips.pop()], dim=1)
        with full_precision(x):
            image = self.head(x.float())
            if config.output == "unit":
                image = torch.relu(F.instance_norm(image))
            image = torch.tanh(image)
            image = (image + 1) / 2 if self.shifts else image
        return self._corrected(image)

    def _corrected(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Eq. 4 and 5; sequentially, y_k = y_{k-1} M_k with M_k made from y_{k-1}."""
        images, masks = [image], list[Tensor]()
        for k, mask in enumerate(self.masks):
            current = images[-1]
            masks.append(mask(current))
            corrected = current * masks[-1]
            if self._config.mask_rule == "literal":  # the earlier networks too, each on the current image
                for earlier in list(self.masks)[:k]:
                    corrected = corrected * earlier(current)
            images.append(corrected)
        stacked = torch.stack(images, dim=1)
        return stacked, torch.stack(masks, dim=1) if masks else stacked[:, :0]


class _Stage(nn.Module):
    """E_i = T_i(e_i + A_i), joined as channels, with e_i = Conv4 of stride 2 (eq. 1).

    Attributes:
        channels: of E_i.
    """

    def __init__(self, before: int, after: int, config: Config, *, normed: bool) -> None:
        super().__init__()
        self._normed, self._skips_only = normed, config.sam_route == "skip"
        self.channels = after
        self.conv = nn.Conv2d(before, after, 4, 2, 1)
        if config.sam != "none":
            self.adaptor = _Adaptor(SHAPES[config.sam_model].channels, after, config.adaptor_kernel)
            self.channels = after if config.fuse == "conv" else 2 * after
            self.fuse = nn.Conv2d(2 * after, after, 1) if config.fuse == "conv" else nn.Identity()

    def forward(self, x: Tensor, features: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return what goes down, and E_i."""
        e = self.conv(x)
        if features is None:
            joined = self._activated(e)
            return joined, joined
        joined = self._activated(self.fuse(torch.cat([e, self.adaptor(features, e.shape[2:])], dim=1)))
        return (self._activated(e) if self._skips_only else joined), joined

    def _activated(self, x: Tensor) -> Tensor:
        return F.leaky_relu(F.instance_norm(x) if self._normed else x, 0.2)


class _Adaptor(nn.Module):
    """A_i: SAM's features at a stage's size and with its channels (eq. 2)."""

    def __init__(self, before: int, after: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, padding=kernel // 2)

    def forward(self, features: Tensor, sides: tuple[int, int]) -> Tensor:
        """Map `(B, 256, s, s)` to `(B, C_i, *sides)`.

        A 1 x 1 convolution and bilinear interpolation commute, so that the paper's two orders are one: the
        convolution comes where there are fewer pixels. A 3 x 3 convolution comes last, as in eq. 2.
        """
        grows = sides[0] * sides[1] > features.shape[2] * features.shape[3]
        if grows and self.conv.kernel_size == (1, 1):
            return F.interpolate(self.conv(features), sides, mode="bilinear")
        out: Tensor = self.conv(F.interpolate(features, sides, mode="bilinear"))
        return out


class _Up(nn.Module):
    """D_i before the skip is joined: ConvT4 of stride 2, instance norm, ReLU."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(before, after, 4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(F.instance_norm(self.conv(x)))


class _Mask(nn.Module):
    """sigma(psi_i(.)), eq. 4: two Conv3 with instance norm and ReLU, and a third; StegoGAN's matchability net."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, hidden, 3, padding=1)
        self.second = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.head = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        x = image
        for conv in (self.first, self.second):
            x = torch.relu(F.instance_norm(conv(x)))
        with full_precision(x):
            return torch.sigmoid(self.head(x.float()))


def soft_clamp(z: Tensor, softness: float) -> Tensor:
    """Return S(z) of eq. 3: z within 0 to 1, and a slope of `softness` outside."""
    return z.clamp(0, 1) + softness * (z.clamp(max=0) + (z - 1).clamp(min=0))


def build(config: Config) -> MRNet:
    """Build the translator."""
    return MRNet(config)
