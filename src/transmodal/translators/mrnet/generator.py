"""MRNet's generator: a U-Net that takes SAM's features in, and the masks that correct its image."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal.nets.blocks import full_precision, normal_init
from transmodal.translators.mrnet.config import Config
from transmodal.translators.mrnet.sam import SHAPES


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
            normed, joins = 0 < level < config.levels - 1, config.joins(level + 1)
            stage = _Stage(before, after, config, normed=normed, joins=joins)
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

    def stages(self, source: Tensor, features: Tensor | None) -> dict[str, Tensor]:
        """Return the maps behind every stage of encoder and decoder, `(B, C_i, h_i, w_i)` by name.

        `encoder i` is T_i(e_i), without SAM's features; `adapted i` A_i and `fused i` E_i of stages that are joined.
        """
        config, x, skips, maps = self._config, source, list[Tensor](), dict[str, Tensor]()
        for n, stage in enumerate(self.encoder, start=1):
            assert isinstance(stage, _Stage)
            maps |= {f"{name} {n}": part for name, part in stage.parts(x, features).items()}
            x, joined = stage(x, features)
            skips.append(joined)
        x = skips.pop()
        if config.soft_clamp:
            x = soft_clamp(x, config.softness)
        for n, up in enumerate(self.decoder, start=1):
            maps[f"decoder {n}"] = up(x)
            x = torch.cat([maps[f"decoder {n}"], skips.pop()], dim=1)
        return maps

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
    """E_i = T_i(e_i + A_i), joined as channels, with e_i = Conv4 of stride 2 (eq. 1); T_i(e_i) where A_i is left out.

    Attributes:
        channels: of E_i.
    """

    def __init__(self, before: int, after: int, config: Config, *, normed: bool, joins: bool) -> None:
        super().__init__()
        self._normed, self._joins, self._skips_only = normed, joins, config.sam_route == "skip"
        self.channels = after
        self.conv = nn.Conv2d(before, after, 4, 2, 1)
        if joins:
            self.adaptor = _Adaptor(SHAPES[config.sam_model].channels, after, config.adaptor_kernel)
            self.channels = after if config.fuse == "conv" else 2 * after
            self.fuse = nn.Conv2d(2 * after, after, 1) if config.fuse == "conv" else nn.Identity()

    def forward(self, x: Tensor, features: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return what goes down, and E_i."""
        e = self.conv(x)
        if features is None or not self._joins:
            joined = self._activated(e)
            return joined, joined
        joined = self._activated(self.fuse(torch.cat([e, self.adaptor(features, e.shape[2:])], dim=1)))
        return (self._activated(e) if self._skips_only else joined), joined

    def parts(self, x: Tensor, features: Tensor | None) -> dict[str, Tensor]:
        """Return the stage without SAM's features and, where it is joined with them, those that come in and E_i."""
        e = self.conv(x)
        if features is None or not self._joins:
            return {"encoder": self._activated(e)}
        adapted, (_, joined) = self.adaptor(features, e.shape[2:]), self(x, features)
        return {"encoder": self._activated(e), "adapted": adapted, "fused": joined}

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
