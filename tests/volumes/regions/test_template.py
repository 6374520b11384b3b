"""The embedded data: on one grid, in their ranges, aligned, small."""

from __future__ import annotations

import json

import numpy as np
import pytest

from transmodal.volumes.regions import template


def test_one_grid_and_ranges() -> None:
    grid = template.t1().grid
    assert grid.orientation == "RAS"
    assert grid.spacing == pytest.approx((1.0, 1.0, 1.0))
    for volume, top in ((template.gm(), 1.0), (template.wm(), 1.0), (template.fa(), 0.92)):
        assert volume.grid == grid
        assert volume.voxels.min() == 0
        assert 0.7 < volume.voxels.max() <= top
        assert not volume.voxels.flags.writeable
    assert set(np.unique(template.mask().voxels)) == {0, 1}


def test_fa_lies_on_the_white_matter() -> None:
    inside = template.mask().voxels > 0
    fa, wm = template.fa().voxels[inside], template.wm().voxels[inside]
    assert np.corrcoef(fa, wm)[0, 1] > 0.75
    covered = (template.fa().voxels > 0.05).sum() / inside.sum()
    assert covered > 0.9
    assert (template.fa().voxels[~inside] == 0).all()


def test_the_corpus_callosum_is_where_white_matter_is() -> None:
    fa, wm = template.fa().voxels, template.wm().voxels
    middle = fa.shape[0] // 2
    strong = fa[middle - 1 : middle + 2] > 0.6
    assert strong.sum() > 300
    assert (wm[middle - 1 : middle + 2][strong] > 0.5).mean() > 0.75


def test_t1_is_symmetric_and_so_shows_no_mirroring() -> None:
    t1 = template.t1().voxels.astype(float)
    inside = np.argwhere(template.mask().voxels)
    low, high = inside[:, 0].min(), inside[:, 0].max()
    core = t1[low : high + 1]
    assert np.abs(core - core[::-1]).mean() < 1.0


def test_the_package_stays_small_and_says_how_the_fa_was_registered() -> None:
    files = list(template.FOLDER.glob("*.nii.gz"))
    assert len(files) == 4
    assert max(path.stat().st_size for path in files) < 3e6
    assert sum(path.stat().st_size for path in files) < 9e6
    assert isinstance(json.loads((template.FOLDER / "figures.json").read_text()), dict)
