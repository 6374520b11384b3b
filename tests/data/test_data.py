"""Windows as batches: what is cut, and that order and draws depend on seed and step alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from transmodal.batch import Batch
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import PreparedCase
from transmodal.data.dataset import WindowDataset, collate
from transmodal.data.loader import Epoch, Share, batches, seed_of, steps_per_epoch
from transmodal.data.stream import Stream, StreamCase
from transmodal.errors import InputError, UsageError
from transmodal.recipes.schema import Augment
from transmodal.volumes.windows.cut import Cutting, cut, places

SHAPE = (9, 11, 8)


def equal(one: Batch, other: Batch) -> bool:
    return all(
        torch.equal(a, b) if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor) else a == b
        for a, b in zip(one, other, strict=True)
    )


def test_an_item_is_what_was_stored(stream: Stream) -> None:
    dataset = WindowDataset(stream)
    assert len(dataset) == 3 * SHAPE[2]
    item = dataset[SHAPE[2] + 5, 77]
    case = stream.cases[1].case
    t1 = case.volume("t1").voxels[:, :, 5].astype(np.float32)
    assert item.source.shape == (2, 12, 12)
    np.testing.assert_allclose(item.source[0, 1:10, 0:11].numpy(), t1 / 150 - 1, atol=1e-6)
    np.testing.assert_allclose(item.source[1, 1:10, 0:11].numpy(), (300 - t1) / 150 - 1, atol=1e-6)
    assert item.target is not None
    np.testing.assert_allclose(item.target[0, 1:10, 0:11].numpy(), t1 / 100 - 1, atol=1e-6)
    assert float(item.source[:, 0].max()) == -1.0
    assert item.mask is not None
    assert item.segmentation is not None
    assert item.mask.shape == (1, 12, 12)
    assert item.segmentation.dtype == torch.int64
    np.testing.assert_array_equal(item.segmentation[1:10, 0:11].numpy(), t1 > 100)


def test_slabs_are_modality_major_with_a_centre_target(stream: Stream) -> None:
    slab = replace(stream, cutting=Cutting("slab", size=(12, 12), depth=3, multiple=4))
    item = WindowDataset(slab)[0, 1]
    flat = WindowDataset(stream)[0, 1]
    assert item.source.shape == (6, 12, 12)
    assert torch.equal(item.source[0], item.source[1])  # the edge repeats
    assert torch.equal(item.source[1], flat.source[0])
    assert torch.equal(item.source[4], flat.source[1])
    assert item.target is not None
    assert flat.target is not None
    assert torch.equal(item.target, flat.target)


def test_patches_and_all_axes(stream: Stream) -> None:
    patches = replace(stream, cutting=Cutting("patch", size=(8, 8, 8), multiple=8))
    assert WindowDataset(patches)[0, 1].source.shape == (2, 8, 8, 8)
    assert len(WindowDataset(replace(stream, axes=(0, 1, 2)))) == 3 * sum(SHAPE)


def test_windows_without_foreground_are_left_out(stream: Stream, blob: type[Any], tmp_path: Path) -> None:
    cohort = prepare([blob(5)], tmp_path / "c", PrepareOptions(ratios=(1, 0, 0), regions={"t1": ("body",)}))
    case = cohort.cases("train")[0]
    one = stream.cases[0]._replace(case=case)
    fraction = case.region("t1", "body").mean()
    sagittal = replace(
        stream, cases=(one,), region="body", axes=(0,), cutting=Cutting("slice"), min_foreground=1e-6
    )
    kept = len(WindowDataset(sagittal))
    assert 0 < fraction <= 1
    assert kept == int(case.region("t1", "body").any(axis=(1, 2)).sum())
    with pytest.raises(InputError, match="min_foreground") as refused:
        WindowDataset(replace(sagittal, min_foreground=1.1))
    assert refused.value.code == "E132"


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


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(stream: Stream, workers: int) -> None:
    dataset = WindowDataset(replace(stream, augment=Augment(flip_lr=True, gain=0.1)))
    alone = list(batches(dataset, Epoch(4, "train", 1, 5)))
    shared = list(batches(dataset, Epoch(4, "train", 1, 5), Share(workers=workers)))
    assert len(alone) == steps_per_epoch(len(dataset), 5) == 4
    assert all(equal(a, b) for a, b in zip(alone, shared, strict=True))


def test_skipping_is_having_done(stream: Stream) -> None:
    dataset = WindowDataset(stream)
    whole = list(batches(dataset, Epoch(4, "train", 0, 5), step=10))
    rest = list(batches(dataset, Epoch(4, "train", 0, 5), skip=2, step=12))
    assert all(equal(a, b) for a, b in zip(whole[2:], rest, strict=True))
    assert [one.step for one in rest] == [12, 13]


def test_shares_make_the_whole_batch(stream: Stream) -> None:
    dataset = WindowDataset(stream)
    whole = list(batches(dataset, Epoch(4, "train", 0, 6)))
    parts = [list(batches(dataset, Epoch(4, "train", 0, 6), Share(rank, 2))) for rank in (0, 1)]
    for one, first, second in zip(whole, *parts, strict=True):
        assert torch.equal(one.source, torch.cat([first.source, second.source]))
        assert one.draw is not None
        assert first.draw is not None
        assert second.draw is not None
        assert torch.equal(one.draw, torch.cat([first.draw, second.draw]))
    with pytest.raises(UsageError, match="2 processes"):
        next(batches(dataset, Epoch(4, "train", 0, 5), Share(world=2)))


def test_epochs_and_seeds_differ_and_the_global_generator_rests(stream: Stream) -> None:
    dataset = WindowDataset(stream)
    state = torch.random.get_rng_state()
    first = next(batches(dataset, Epoch(4, "train", 0, 5)))
    assert torch.equal(state, torch.random.get_rng_state())
    assert not equal(first, next(batches(dataset, Epoch(4, "train", 1, 5))))
    assert not equal(first, next(batches(dataset, Epoch(5, "train", 0, 5))))


def test_an_epoch_sees_each_window_once_and_a_longer_one_goes_on(stream: Stream) -> None:
    dataset = WindowDataset(stream)
    seen = [one.draw for one in batches(dataset, Epoch(4, "train", 0, 24))]
    assert len(seen) == 1
    longer = list(batches(dataset, Epoch(4, "train", 0, 24, steps=3)))
    assert len(longer) == 3
    assert not torch.equal(longer[0].source, longer[1].source)
    small = list(batches(dataset, Epoch(4, "train", 0, 100)))
    assert [len(one.source) for one in small] == [24]


def test_collate_keeps_what_is_missing_missing() -> None:
    item = Batch(torch.zeros(1, 2, 2), torch.ones(1), draw=torch.tensor(3))
    made = collate([item, item])
    assert made.source.shape == (2, 1, 2, 2)
    assert made.mask is None
    assert made.draw is not None
    assert made.draw.tolist() == [3, 3]


def test_seeds_depend_on_every_part_and_their_order() -> None:
    seeds = {seed_of(1, "a"), seed_of("a", 1), seed_of(1, "b"), seed_of(2, "a"), seed_of("1", "a")}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert seed_of(1, "a") == seed_of(1, "a")


@pytest.mark.parametrize(
    "cutting",
    [
        Cutting("slice", size=(12, 12)),
        Cutting("slice", size=(16, 8), fit="keep"),
        Cutting("slice", size=(16, 8), fit="ignore"),
        Cutting("slab", size=(8, 8), fit="ignore", depth=5),
        Cutting("patch", size=(4, 6, 12)),
    ],
    ids=lambda cutting: f"{cutting.kind}-{cutting.fit}",
)
def test_training_sees_what_inference_sees(
    stream: Stream, blob: type[Any], cutting: Cutting, tmp_path: Path
) -> None:
    cohort = prepare([blob(5)], tmp_path / "c", PrepareOptions(ratios=(1, 0, 0), regions={"t1": ("body",)}))
    case = cohort.cases("train")[0]
    one = stream.cases[0]._replace(case=case)
    seen = replace(stream, cases=(one,), region="body", cutting=cutting)
    inside = case.region("t1", "body")
    mapped = [
        np.where(inside, by.apply(case.volume(name).voxels), np.float32(-1))
        for name, by in zip(seen.sources, one.source_maps, strict=True)
    ]
    dataset = WindowDataset(seen)
    windows = places(SHAPE, cutting, None if cutting.kind == "patch" else 2)
    assert len(windows) == len(dataset)
    for n, window in enumerate(windows):
        expected = np.concatenate([cut(volume, window, cutting, fill=-1.0) for volume in mapped])
        np.testing.assert_array_equal(dataset[n, 0].source.numpy(), expected)


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


def test_a_source_that_a_case_lacks_is_zero_and_not_available(stream: Stream) -> None:
    lacking = tuple(
        one._replace(source_maps=(one.source_maps[0], None)) if n == 1 else one
        for n, one in enumerate(stream.cases)
    )
    slab = replace(
        stream, cases=lacking, channels=(1, 1), cutting=replace(stream.cutting, kind="slab", depth=3)
    )
    dataset = WindowDataset(slab)
    item, other = dataset[SHAPE[2] + 5, 0], dataset[5, 0]
    assert item.available.tolist() == [1.0, 0.0]
    assert other.available.tolist() == [1.0, 1.0]
    assert item.source.shape == other.source.shape == (6, 12, 12)
    assert torch.equal(item.source[3:], torch.zeros(3, 12, 12))
    assert item.source[:3].abs().sum() > 0


def test_unpaired_targets_come_from_anywhere(stream: Stream) -> None:
    paired, unpaired = WindowDataset(stream), WindowDataset(replace(stream, unpaired=True))
    targets = [paired[n, 0].target for n in range(len(paired))]
    sources = [paired[n, 0].source for n in range(len(paired))]
    origins = set()
    for seed in range(12):
        item = unpaired[4, seed]
        assert torch.equal(item.source, sources[4])
        (origin,) = [n for n, target in enumerate(targets) if torch.equal(target, item.target)]  # type: ignore[arg-type]
        origins.add(origin)
    assert len(origins) > 6


def test_targets_of_other_patients(stream: Stream) -> None:
    """Of a cohort without pairs, sources come from cases without target, and targets from those that have one alone."""
    without = tuple(StreamCase(_without(one.case, "fa"), one.source_maps, None) for one in stream.cases[:2])
    alone = tuple(
        StreamCase(_without(one.case, "t1", "t2"), (one.target_map,), one.target_map)
        for one in stream.cases[2:]
    )
    apart = WindowDataset(replace(stream, cases=without, target_cases=alone, unpaired=True))
    paired = WindowDataset(stream)
    assert len(apart) == 2 * SHAPE[2]
    targets = [paired[n, 0].target for n in range(2 * SHAPE[2], 3 * SHAPE[2])]
    origins = set()
    for seed in range(12):
        item = apart[4, seed]
        assert torch.equal(item.source, paired[4, 0].source)
        (origin,) = [n for n, target in enumerate(targets) if torch.equal(target, item.target)]  # type: ignore[arg-type]
        origins.add(origin)
    assert len(origins) > 3


def _without(case: PreparedCase, *names: str) -> PreparedCase:
    """Return a case that lacks some modalities."""
    volumes = {name: entry for name, entry in case.entry.volumes.items() if name not in names}
    return PreparedCase(case._folder, case.entry.model_copy(update={"volumes": volumes}))


def test_central_slices_alone(stream: Stream) -> None:
    dataset = WindowDataset(replace(stream, central=True))
    assert len(dataset) == 3
    assert torch.equal(dataset[1, 0].source, WindowDataset(stream)[SHAPE[2] + SHAPE[2] // 2, 0].source)
