"""Bytes of tensors that live at once, counted without making them."""

from __future__ import annotations

import pytest
import torch

from transmodal import translators
from transmodal.translators import _memory
from transmodal.translators._memory import LiveBytes, forward_bytes, step_bytes, weight_bytes


def test_the_most_that_lives_at_once_is_counted() -> None:
    with torch.device("meta"), LiveBytes() as count:
        first = torch.zeros(1000)
        second = first + 1
        del first
        third = second + 1
        view = third[:10]
        del second
    assert count.peak == 8000
    assert count.now == 4000
    del third
    assert count.now == 4000, "a view keeps what it looks at"
    del view
    assert count.now == 0


def test_a_convolution_holds_its_input_and_output_twice() -> None:
    with torch.device("meta"):
        layer, image = torch.nn.Conv2d(1, 2, 3, padding=1), torch.zeros(1, 1, 10, 10)
        with LiveBytes() as count, torch.inference_mode():
            layer(image)
    assert count.peak == 4 * (200 + 100 + 200)


@pytest.mark.parametrize("name", ["unet_regression", "pix2pix"])
def test_networks_take_more_for_more_windows_and_training_more_than_translating(name: str) -> None:
    settings = {"width": 4}
    once, twice = (forward_bytes(name, settings, (n, 1, 256, 256)) - _memory._LIBRARY_BYTES for n in (1, 2))
    assert 1.9 * once < twice < 2.1 * once
    assert step_bytes(name, settings, (2, 1, 256, 256), "train") > twice + _memory._LIBRARY_BYTES
    n_weights = sum(p.numel() for p in translators.build(name, settings).parameters())
    assert weight_bytes(name, settings) == 4 * 4 * n_weights
