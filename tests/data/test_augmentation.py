"""Augmentation: what moves together, what varies with the seed, what is left out."""

from __future__ import annotations

from dataclasses import replace

import torch

from transmodal.data.dataset import WindowDataset
from transmodal.data.stream import Stream
from transmodal.recipes.training_schema import Augment

SHAPE = (9, 11, 8)


def test_flips_move_everything_together(stream: Stream) -> None:
    flipping = WindowDataset(replace(stream, augment=Augment(flip_lr=True)))
    plain = WindowDataset(stream)[3, 0]
    seen = {False: 0, True: 0}
    assert plain.target is not None
    for seed in range(20):
        item = flipping[3, seed]
        assert item.target is not None
        flipped = not torch.equal(item.source, plain.source)
        seen[flipped] += 1
        expected = torch.flip(plain.source, [1]) if flipped else plain.source
        assert torch.equal(item.source, expected)
        assert torch.equal(item.target, torch.flip(plain.target, [1]) if flipped else plain.target)
    assert min(seen.values()) > 2


def test_contrast_varies_with_the_seed_and_leaves_the_background(stream: Stream) -> None:
    varied = WindowDataset(replace(stream, augment=Augment(gain=0.2, gamma=0.2)))
    one, same, other = varied[3, 1], varied[3, 1], varied[3, 2]
    plain = WindowDataset(stream)[3, 1]
    assert torch.equal(one.source, same.source)
    assert not torch.equal(one.source, other.source)
    background = plain.source == -1
    assert background.any()
    assert torch.equal(one.source[background], plain.source[background])
    assert one.target is not None
    assert plain.target is not None
    assert torch.equal(one.target, plain.target)


def test_the_second_source_moves_alone(stream: Stream) -> None:
    still, moving = (
        WindowDataset(stream),
        WindowDataset(replace(stream, augment=Augment(shift=3))),
    )
    seen = set()
    for seed in range(12):
        before, after = still[SHAPE[2] + 5, seed], moving[SHAPE[2] + 5, seed]
        assert torch.equal(before.source[0], after.source[0])
        assert before.target is not None
        assert after.target is not None
        assert torch.equal(before.target, after.target)
        found = [
            (di, dj)
            for di in range(-3, 4)
            for dj in range(-3, 4)
            if torch.equal(after.source[1], shifted(before.source[1], di, dj))
        ]
        assert len(found) == 1
        seen.add(found[0])
    assert len(seen) > 6


def shifted(image: torch.Tensor, di: int, dj: int) -> torch.Tensor:
    """Move by padding with background and cutting: not how the dataset does it."""
    padded = torch.nn.functional.pad(image, (3, 3, 3, 3), value=-1.0)
    return padded[3 - di : 3 - di + image.shape[0], 3 - dj : 3 - dj + image.shape[1]]


def test_sources_are_left_out_but_never_all(stream: Stream) -> None:
    dataset = WindowDataset(replace(stream, augment=Augment(drop_sources=0.5)))
    there = {tuple(dataset[3, seed].available.tolist()) for seed in range(40)}
    assert there == {(1.0, 1.0), (1.0, 0.0), (0.0, 1.0)}
    whole = WindowDataset(stream)[3, 0].source
    for seed in range(10):
        item = dataset[3, seed]
        for n, available in enumerate(item.available.tolist()):
            assert torch.equal(item.source[n], whole[n] if available else torch.zeros_like(whole[n]))
