"""The parts that several maps of weights share."""

from __future__ import annotations

import torch

from transmodal.nets.weight_maps._parts import square, weight_and_bias


def test_a_layer_is_its_weight_and_its_bias() -> None:
    maps = weight_and_bias("stem.", "patch_embed.proj.")
    assert [(tensor.target, tensor.sources) for tensor in maps] == [
        ("stem.weight", ("patch_embed.proj.weight",)),
        ("stem.bias", ("patch_embed.proj.bias",)),
    ]


def test_rows_become_a_square_row_by_row() -> None:
    rows = torch.arange(18.0).view(9, 2)  # channels 0 and 1 of place n hold 2 n and 2 n + 1
    table = square(rows)
    assert table.shape == (1, 2, 3, 3)
    assert table[0, 0].tolist() == [[0, 2, 4], [6, 8, 10], [12, 14, 16]]
    assert table[0, 1, 1].tolist() == [7, 9, 11]
