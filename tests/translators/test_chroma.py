"""Colouring a grey source: lightness stays, grey without chrominance, and what a colour needs."""

from __future__ import annotations

import pytest
import torch

from transmodal.errors import UsageError
from transmodal.nets.lab import rgb_to_lab
from transmodal.translators._base import TranslatorConfig
from transmodal.translators._chroma import GreyPicture, check_channels, coloured

SOURCE = torch.linspace(-0.8, 0.8, 35).view(1, 1, 7, 5)


def test_the_source_is_the_lightness_and_chrominance_the_rest() -> None:
    chroma = torch.stack([torch.full((7, 5), 5.0), torch.full((7, 5), -5.0)])[None]
    lab = rgb_to_lab(coloured(SOURCE, chroma))
    torch.testing.assert_close(lab[:, :1], 50 * (SOURCE + 1), atol=0.05, rtol=0)
    torch.testing.assert_close(lab[:, 1:], chroma, atol=0.05, rtol=0)


def test_half_precision_is_coloured_in_float32() -> None:
    out = coloured(SOURCE.bfloat16(), torch.zeros(1, 2, 7, 5).bfloat16())
    assert out.dtype == torch.float32
    torch.testing.assert_close(out[:, 0], out[:, 2], atol=1e-3, rtol=0)


def test_a_grey_picture_has_imagenets_mean_and_deviation() -> None:
    picture = GreyPicture()
    white = picture(torch.ones(2, 1, 3, 5))
    assert white.shape == (2, 3, 3, 5)
    by_hand = (1 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(white[0, :, 1, 2], by_hand, atol=1e-3, rtol=0)
    assert picture.state_dict() == {}  # constants are not weights


@pytest.mark.parametrize(
    "settings",
    [{"source_channels": (1, 1)}, {"slab_depth": 3}, {"target_channels": 1}, {"source_channels": (3,)}],
)
def test_one_grey_source_in_slices_becomes_colour_and_nothing_else(settings: dict[str, object]) -> None:
    check_channels(TranslatorConfig(target_channels=3), "DDColor")
    with pytest.raises(UsageError, match="DDColor from") as refused:
        check_channels(TranslatorConfig.model_validate({"target_channels": 3, **settings}), "DDColor")
    assert refused.value.code == "E004"
