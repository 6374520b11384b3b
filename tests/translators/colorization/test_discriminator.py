"""The discriminators of MRI colorization."""

from __future__ import annotations

from typing import Any

import torch

from transmodal import translators
from transmodal.nets.meta import shapes_alone
from transmodal.translators.colorization.discriminator import SmallDiscriminator
from transmodal.translators.colorization.translator import Colorization

TINY: dict[str, Any] = {
    "width": 4,
    "blocks": 2,
    "segmenter_width": 4,
    "discriminator_width": 4,
    "classes": 3,
}


def build(**settings: Any) -> Colorization:  # noqa: ANN401
    torch.manual_seed(1)
    made = translators.build("colorization", {**TINY, **settings})
    assert isinstance(made, Colorization)
    return made.train()


def test_discriminators() -> None:
    with shapes_alone():
        assert SmallDiscriminator(3, pooled=False)(torch.empty(1, 3, 256, 256)).shape == (1, 1, 30, 30)
    mapped, pooled = (
        build(discriminator_pool=kind).discriminators.colour  # type: ignore[union-attr]
        for kind in ("map", "scalar")
    )
    image = torch.rand(2, 3, 32, 40)
    assert mapped(image).shape == (2, 1, 2, 3)
    torch.testing.assert_close(pooled(image), mapped(image).mean(dim=(2, 3), keepdim=True))
