"""Jitter: enlarge, then take a part of the window's own size, of everything alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from transmodal.data.dataset import WindowDataset
from transmodal.data.jitter import Jitter, draw_jitter
from transmodal.data.stream import Stream
from transmodal.errors import UsageError
from transmodal.recipes.load import load
from transmodal.recipes.training_schema import Augment

RATIO = 286 / 256


@pytest.mark.parametrize(("sides", "ratio"), [((32, 24), RATIO), ((256, 256), RATIO), ((9, 12), 1.5)])
@pytest.mark.parametrize("at", [(0.0, 0.0), (0.4, 0.7), (0.999, 0.999)])
def test_it_is_torchs_resizing_and_a_crop(
    sides: tuple[int, int], ratio: float, at: tuple[float, float]
) -> None:
    image = np.random.default_rng(1).normal(size=(2, *sides)).astype(np.float32)
    labels = (image > 0).astype(np.int16)
    enlarged = tuple(round(side * ratio) for side in sides)
    i, j = (int(share * (more - side + 1)) for share, more, side in zip(at, enlarged, sides, strict=True))

    def part(mode: str, array: Any, **how: Any) -> Any:  # noqa: ANN401
        grown = F.interpolate(torch.from_numpy(array).float()[None], enlarged, mode=mode, **how)[0]
        return grown[:, i : i + sides[0], j : j + sides[1]].numpy()

    shown = Jitter(ratio, at).of(image)
    assert shown.dtype == np.float32
    np.testing.assert_allclose(shown, part("bilinear", image, align_corners=False), atol=2e-4)
    nearest = Jitter(ratio, at).of_labels(labels)
    assert nearest.dtype == labels.dtype
    np.testing.assert_array_equal(nearest, part("nearest-exact", labels))


def test_every_part_is_drawn_and_nothing_without_a_ratio() -> None:
    draw = np.random.default_rng(3)
    starts = {
        int(jitter.at[0] * 5) for _ in range(200) if (jitter := draw_jitter(RATIO, draw)) is not None
    }  # of 36 to 40
    assert starts == {0, 1, 2, 3, 4}
    before = draw.bit_generator.state
    assert draw_jitter(None, draw) is None
    assert draw.bit_generator.state == before


def test_source_target_and_labels_move_together(stream: Stream) -> None:
    """FA is T1 / 200 in this cohort, and what is linear stays so in between; labels are 1 where T1 is above 100."""
    jittering = WindowDataset(replace(stream, augment=Augment(jitter=1.5)))
    plain = WindowDataset(stream)[3, 0]
    seen = []
    for seed in range(8):
        item = jittering[3, seed]
        assert item.target is not None
        assert item.mask is not None
        assert item.segmentation is not None
        assert item.source.shape == plain.source.shape
        torch.testing.assert_close(item.source[0], (item.target[0] + 1) * 200 / 300 - 1, atol=1e-5, rtol=0)
        for labels, values in ((item.mask[0], {0.0, 1.0}), (item.segmentation, {0, 1})):
            assert set(labels.unique().tolist()) <= values
        # Where a source is as bright as any labelled voxel next to it, the label says so.
        bright = item.source[0] > 2 * 190 / 300 - 1
        assert bool((item.segmentation[bright] == 1).all())
        assert torch.equal(jittering[3, seed].source, item.source)
        seen.append(item.source)
    assert len({tuple(one.flatten().tolist()) for one in seen}) > 4


def test_an_unpaired_target_has_draws_of_its_own(stream: Stream) -> None:
    """Targets of other windows are mirrored and jittered too, and not as their sources are."""
    flipping = WindowDataset(replace(stream, unpaired=True, augment=Augment(flip_lr=True)))
    paired = WindowDataset(stream)
    plain = [paired[n, 0].target for n in range(len(paired))]
    source = paired[4, 0].source
    seen = set()
    for seed in range(24):
        item = flipping[4, seed]
        assert item.target is not None
        mirrored = not any(torch.equal(item.target, target) for target in plain)  # type: ignore[arg-type]
        if mirrored:
            assert any(torch.equal(item.target.flip(1), target) for target in plain)  # type: ignore[arg-type]
        seen.add((not torch.equal(item.source, source), mirrored))
    assert len(seen) == 4


def test_slabs_are_enlarged_in_their_plane_and_patches_are_refused(stream: Stream) -> None:
    cutting = replace(stream.cutting, kind="slab", depth=3)
    item = WindowDataset(replace(stream, cutting=cutting, augment=Augment(jitter=1.2)))[3, 1]
    assert item.source.shape == (6, 12, 12)
    with pytest.raises(UsageError, match="jitter is for slices and slabs") as caught:
        load("mr-to-ct-resenc-small", ["training.augment.jitter=1.1"])
    assert caught.value.code == "E001"


@pytest.mark.parametrize(
    ("recipe", "jitter", "flips"),
    [
        ("pix2pix", RATIO, True),
        ("cyclegan", RATIO, True),
        ("resvit", None, True),
        ("ddcolor", None, True),
        ("t1-to-fa-pix2pix-small", None, False),
        ("t1-to-t2-cyclegan-small", None, False),
        ("t1-to-t2-resvit-small", None, False),
        ("mr-to-colour-ddcolor-small", None, False),
    ],
)
def test_what_recipes_vary(recipe: str, jitter: float | None, flips: bool) -> None:
    augment = load(recipe).training.augment
    assert (augment.jitter, augment.flip_lr) == (jitter, flips)
