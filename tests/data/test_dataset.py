"""The dataset: one window is one item, as it was stored."""

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
from transmodal.data.stream import Stream, StreamCase
from transmodal.recipes.training_schema import Augment
from transmodal.volumes.windows.cut import Cutting, cut, list_windows

SHAPE = (9, 11, 8)


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


def test_the_plane_follows_the_sources(stream: Stream) -> None:
    """Behind those of the sources, whatever varies them, three channels of which that of the axis is 1."""
    told = WindowDataset(
        replace(stream, axes=(0, 2), plane_channels=True, augment=Augment(flip_lr=True, gain=0.5, jitter=1.2))
    )
    assert told.window(0).axis == 0
    assert told.window(len(told) - 1).axis == 2
    for index, plane in ((0, 0), (len(told) - 1, 2)):
        for seed in range(3):
            source = told[index, seed].source
            assert source.shape == (5, 12, 12)
            assert source[2:].mean(dim=(1, 2)).tolist() == [float(plane == n) for n in range(3)]
    assert WindowDataset(replace(stream, axes=(0, 2)))[0, 0].source.shape[0] == 2


def test_collate_keeps_what_is_missing_missing() -> None:
    item = Batch(torch.zeros(1, 2, 2), torch.ones(1), draw=torch.tensor(3))
    made = collate([item, item])
    assert made.source.shape == (2, 1, 2, 2)
    assert made.mask is None
    assert made.draw is not None
    assert made.draw.tolist() == [3, 3]


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
    windows = list_windows(SHAPE, cutting, None if cutting.kind == "patch" else 2)
    assert len(windows) == len(dataset)
    for n, window in enumerate(windows):
        expected = np.concatenate([cut(volume, window, cutting, fill=-1.0) for volume in mapped])
        np.testing.assert_array_equal(dataset[n, 0].source.numpy(), expected)


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


def test_some_cases_come_with_their_own_target_and_others_do_not(stream: Stream) -> None:
    """Of a stream without pairs those cases that are told have theirs, varied as their sources are."""
    told = stream.cases[1].case.id
    mirrored = replace(stream, augment=Augment(flip_lr=True))
    paired = WindowDataset(mirrored)
    mixed = WindowDataset(replace(mirrored, unpaired=True, pairs=frozenset({told})))
    for seed in range(6):
        own, same = mixed[SHAPE[2] + 5, seed], paired[SHAPE[2] + 5, seed]
        assert own.is_pair is not None
        assert bool(own.is_pair)
        assert own.target is not None
        assert same.target is not None
        assert torch.equal(own.source, same.source)
        assert torch.equal(own.target, same.target)
        other = mixed[5, seed]
        assert other.is_pair is not None
        assert not bool(other.is_pair)
    flags = collate([mixed[SHAPE[2] + 5, 0], mixed[5, 0]]).is_pair
    assert flags is not None
    assert flags.tolist() == [True, False]
    assert collate([paired[5, 0]]).is_pair is None


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
    return PreparedCase(case.folder, case.entry.model_copy(update={"volumes": volumes}))
