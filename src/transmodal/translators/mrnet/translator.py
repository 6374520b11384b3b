"""MRNet: players and losses; the package cites the paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.batch import Batch
from transmodal.data.eight_bits import round_features
from transmodal.losses.conditional_gan import discriminator_terms, generator_terms
from transmodal.nets.blocks import full_precision
from transmodal.nets.frozen import FrozenNet
from transmodal.nets.patchgan import PatchDiscriminator
from transmodal.nets.sides import check_sides
from transmodal.translators._base import Translator
from transmodal.translators.mrnet.config import Config
from transmodal.translators.mrnet.generator import Generator
from transmodal.translators.mrnet.sam import SamEncoder, pretrained_sam


class Outputs(NamedTuple):
    """One run of the generator, shared by all players.

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

    takes_plane = True
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.output_range = config.output
        self.batch_coupled = config.discriminator_norm == "batch"
        self.has_byte_features = config.sam_bits == 8
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

    def stages(self, source: Tensor, available: Tensor) -> dict[str, Tensor]:
        """Return SAM's features by layer, then those of the generator's stages, `(B, C_i, h_i, w_i)` by name."""
        self.check(source, available)
        maps: dict[str, Tensor] = {}
        if self._sam is not None:
            encoder = self._sam.module()
            assert isinstance(encoder, SamEncoder)
            with torch.no_grad(), full_precision(source):
                maps = encoder.stages(self._picture(source.float()))
        return maps | self.generator.stages(source, self.encode(source))

    def encode(self, source: Tensor) -> Tensor | None:
        """Return SAM's features `(B, 256, s, s)`, pooled and rounded as the settings say; None without SAM.

        SAM sees one image in [0, 1]: of a slab the middle slice, of several modalities their mean.
        """
        if self._sam is None:
            return None
        with torch.no_grad(), full_precision(source):
            features: Tensor = self._sam(self._picture(source.float()))
            if self.config.sam_pool > 1:
                features = F.avg_pool2d(features, self.config.sam_pool, ceil_mode=True)
        return round_features(features) if self.has_byte_features else features.half().float()

    def encoder(self) -> str | None:
        """Return SAM's hash, size and side of images, and how features are pooled and rounded; None without SAM."""
        config = self.config
        if self._sam is None:
            return None
        usual = f"{self._sam.digest()}/{config.sam_model}/{config.sam_size}"
        # Features that are neither pooled nor rounded have the name that they had before there were these settings.
        is_usual = (config.sam_pool, config.sam_bits) == (1, 16)
        return usual if is_usual else f"{usual}/{config.sam_pool}/{config.sam_bits}"

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
        images = source[:, : config.in_channels - config.plane_channels]
        slabs = images.reshape(len(source), -1, config.slab_depth, *source.shape[2:])
        middle = slabs[:, :, config.slab_depth // 2]
        modalities = torch.split(middle, list(config.source_channels), dim=1)
        colours = [
            modality if modality.shape[1] == 3 else modality.mean(1, keepdim=True).expand(-1, 3, -1, -1)
            for modality in modalities
        ]
        return (torch.stack(colours).mean(dim=0) + 1) / 2


def build(config: Config) -> MRNet:
    """Build the translator."""
    return MRNet(config)
