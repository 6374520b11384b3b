"""CIELAB and sRGB, against tables and back."""

from __future__ import annotations

import pytest
import torch

from transmodal.nets.lab import lab_to_rgb, rgb_to_lab


@pytest.mark.parametrize(
    ("colour", "lab"),
    [
        ((1.0, 1.0, 1.0), (100.0, 0.0, 0.0)),
        ((1.0, 0.0, 0.0), (53.24, 80.09, 67.20)),
        ((0.0, 0.0, 1.0), (32.30, 79.19, -107.86)),
    ],
)
def test_colours_are_those_of_the_tables(
    colour: tuple[float, float, float], lab: tuple[float, float, float]
) -> None:
    found = rgb_to_lab(torch.tensor(colour).view(1, 3, 1, 1)).flatten()
    torch.testing.assert_close(found, torch.tensor(lab), atol=0.05, rtol=0)


def test_colours_come_back() -> None:
    colour = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    colour[0, :, 0, 0], colour[0, :, 0, 1] = 0.0, 0.01  # the straight parts of both curves
    torch.testing.assert_close(lab_to_rgb(rgb_to_lab(colour)), colour, atol=1e-4, rtol=0)
    assert float(lab_to_rgb(torch.tensor([50.0, 120.0, 120.0]).view(1, 3, 1, 1)).max()) == 1.0
