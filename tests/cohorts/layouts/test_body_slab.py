"""A slab of volumes: its place in the body, MR on colour's grid, and kinds that do not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.layouts._body_slab import BodySlab, Cut
from transmodal.errors import InputError
from transmodal.volumes import Volume, io

DRAW = np.random.default_rng(0)
COLOUR = Volume(DRAW.integers(0, 255, (5, 4, 6, 3), dtype=np.uint8), np.diag([1.0, 1.0, 2.0, 1.0]))
MR = COLOUR.with_voxels(DRAW.integers(0, 900, (5, 4, 6)).astype(np.int16))


@pytest.fixture
def slab(tmp_path: Path) -> BodySlab:
    for name, volume in (("colour", COLOUR), ("mr", MR)):
        io.write(volume, tmp_path / f"{name}.nii.gz")
    return BodySlab("b-1", "b", *(Cut(tmp_path / f"{name}.nii.gz", 2, 5) for name in ("mr", "colour")))


def test_a_cut_keeps_its_place_in_the_body(slab: BodySlab) -> None:
    case = slab.load()
    np.testing.assert_array_equal(case.volumes["colour"].voxels, COLOUR.voxels[:, :, 2:5])
    np.testing.assert_array_equal(case.volumes["mr"].voxels, MR.voxels[:, :, 2:5])
    np.testing.assert_allclose(case.volumes["mr"].affine[:3, 3], (0, 0, 4))
    assert case.segmentation is None
    assert case.origins["mr"].name == "mr.nii.gz"


def test_mr_on_another_grid_is_sampled_on_that_of_colour(slab: BodySlab, tmp_path: Path) -> None:
    io.write(Volume(MR.voxels[::2, ::2], np.diag([2.0, 2.0, 2.0, 1.0])), tmp_path / "mr.nii.gz")
    case = slab.load()
    assert case.volumes["mr"].grid.same_as(case.volumes["colour"].grid)
    np.testing.assert_allclose(case.volumes["mr"].voxels[2, 2], MR.voxels[2, 2, 2:5], rtol=1e-5)


def test_kinds_and_grids_that_do_not_fit_are_refused(slab: BodySlab, tmp_path: Path) -> None:
    for wrong, code in (
        (replace(slab, mr=slab.colour), "E122"),
        (replace(slab, colour=slab.mr), "E122"),
        (replace(slab, segmentation=Cut(tmp_path / "mr.nii.gz", 1, 4)), "E130"),
    ):
        with pytest.raises(InputError) as refused:
            wrong.load()
        assert refused.value.code == code


def test_the_fingerprint_follows_files_and_cuts(slab: BodySlab) -> None:
    assert isinstance(slab.mr, Cut)
    moved = replace(slab, mr=slab.mr._replace(first=1))
    assert len({slab.fingerprint(), moved.fingerprint(), replace(slab, patient="x").fingerprint()}) == 3
