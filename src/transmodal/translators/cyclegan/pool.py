"""A pool of earlier synthetic images, which a discriminator judges beside the newest."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class ImagePool(nn.Module):
    """Up to `size` images; while it is full, half of the new ones change places with old ones.

    Shrivastava et al., CVPR 2017, as CycleGAN uses it. What it holds is a buffer: it is saved with the weights, so
    that a resumed run goes on with the same pool.

    Args:
        size: images kept; 0 gives every image back as it is.
    """

    images: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("images", torch.empty(0))

    def forward(self, new: Tensor, generators: list[torch.Generator]) -> Tensor:
        """Return `(B, C, *S)` to judge, of new and old images, without gradient.

        Args:
            new: `(B, C, *S)`.
            generators: one per sample.
        """
        new = new.detach()
        if self.size == 0:
            return new
        images = self.images if self.images.shape[1:] == new.shape[1:] else new[:0]
        judged = []
        for image, generator in zip(new, generators, strict=True):
            if len(images) < self.size:
                images = torch.cat([images, image[None]])
                judged.append(image)
            elif float(torch.rand(1, generator=generator)) < 0.5:
                place = int(torch.randint(self.size, (1,), generator=generator))
                judged.append(images[place].clone())
                images = images.clone()
                images[place] = image
            else:
                judged.append(image)
        self.images = images
        return torch.stack(judged)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *arguments: Any) -> None:  # noqa: ANN401
        """Take up a pool of any filling."""
        saved = state_dict.get(f"{prefix}images")
        if isinstance(saved, Tensor):
            self.images = self.images.new_empty(saved.shape)
        super()._load_from_state_dict(state_dict, prefix, *arguments)
