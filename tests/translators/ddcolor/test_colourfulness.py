"""Terms on colours, against plain statements."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from transmodal.translators.ddcolor.colourfulness import colourlessness, vivid


def test_colourlessness_is_one_less_the_measure_of_each_image() -> None:
    colour = torch.rand(3, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    measures = []
    for red, green, blue in colour.numpy().astype(float):
        rg, yb = np.abs(red - green), np.abs((red + green) / 2 - blue)
        spread = np.hypot(rg.std(ddof=1), yb.std(ddof=1))
        measures.append(spread + 0.3 * np.hypot(rg.mean(), yb.mean()))
    assert float(colourlessness(colour)) == pytest.approx(1 - np.mean(measures), rel=1e-5)


def test_grey_has_no_colour_and_a_gradient_nevertheless() -> None:
    grey = torch.full((1, 3, 4, 4), 0.5, requires_grad=True)
    found = colourlessness(grey)
    torch.autograd.backward(found)
    assert float(found.detach()) == pytest.approx(1.0, abs=1e-5)
    assert grey.grad is not None
    assert torch.isfinite(grey.grad).all()


def test_vivid_colours_lie_further_from_grey() -> None:
    colour = torch.tensor([0.6, 0.5, 0.4]).view(1, 3, 1, 1)
    grey = 0.2989 * 0.6 + 0.587 * 0.5 + 0.114 * 0.4
    wanted = grey + 2 * (colour - grey)
    torch.testing.assert_close(vivid(colour, 2.0), wanted, atol=1e-4, rtol=0)
    assert torch.equal(vivid(colour, 1.0), colour)
    torch.testing.assert_close(vivid(colour, 0.0), torch.full_like(colour, grey), atol=1e-4, rtol=0)
    assert vivid(colour, 100.0).flatten().tolist() == [1.0, 0.0, 0.0]
