"""A planted misalignment: one modality of each case moved, always alike, each case its own way, and nothing by default."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from transmodal.data.arrays import open_case
from transmodal.data.planted import PlantedMove
from transmodal.data.stream import Stream
from transmodal.recipes.misalignment_schema import MoveName, PlantedMisalignment
from transmodal.volumes.geometry.moves import warp

FA = PlantedMisalignment(modality="fa", step=2)


def planted(stream: Stream, misalignment: PlantedMisalignment | None) -> Stream:
    return replace(stream, misalignment=misalignment)


def test_a_target_is_moved_with_its_labels_and_sources_stay(stream: Stream) -> None:
    case = stream.cases[0].case
    plain, moved = (open_case(planted(stream, choice), case) for choice in (None, FA))
    field = PlantedMove(FA, case.id).field(case.grid)
    assert np.linalg.norm(field[:, 0, 0, 0]) == pytest.approx(2)
    np.testing.assert_array_equal(moved.target, warp(case.volume("fa"), field).voxels)
    for ours, theirs in zip(plain.sources, moved.sources, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert moved.mask is not None
    assert plain.mask is not None
    places = np.rint(np.indices(plain.mask.shape) + field).astype(int)
    sides = np.array(plain.mask.shape)[:, None, None, None]
    inside = ((places >= 0) & (places < sides)).all(axis=0)
    i, j, k = (axis[inside] for axis in places)
    np.testing.assert_array_equal(moved.mask[inside], plain.mask[i, j, k])
    assert moved.mask.dtype == bool
    assert moved.segmentation is not None
    assert (moved.segmentation != plain.segmentation).any()


def test_a_source_is_moved_alone(stream: Stream) -> None:
    case = stream.cases[0].case
    plain, moved = (
        open_case(planted(stream, choice), case)
        for choice in (None, PlantedMisalignment(modality="t2", step=2))
    )
    np.testing.assert_array_equal(plain.sources[0], moved.sources[0])
    assert (plain.sources[1] != moved.sources[1]).any()
    np.testing.assert_array_equal(plain.target, moved.target)
    np.testing.assert_array_equal(plain.mask, moved.mask)


@pytest.mark.parametrize("kind", ["translation", "rotation", "scale", "non-rigid"])
def test_each_case_has_a_move_of_its_own_that_the_seed_decides(stream: Stream, kind: MoveName) -> None:
    first, second = (source.case for source in stream.cases[:2])
    choice = PlantedMisalignment(modality="fa", kind=kind, step=2)
    once, again = (PlantedMove(choice, first.id).of(first.volume("fa")).voxels for _ in range(2))
    np.testing.assert_array_equal(once, again)
    if kind != "scale":  # which grows or shrinks
        assert not np.allclose(
            PlantedMove(choice, first.id).field(first.grid), PlantedMove(choice, second.id).field(first.grid)
        )
    seeds = [choice.model_copy(update={"seed": seed}) for seed in range(4)]
    fields = [PlantedMove(seeded, first.id).field(first.grid) for seeded in seeds]
    assert any(not np.allclose(fields[0], field) for field in fields[1:])
