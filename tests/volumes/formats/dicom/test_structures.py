"""RT Structure Sets as masks: on the planes of slices, with holes, however the grid lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dicom_files import series
from rt_files import box, slab, structure_set
from transmodal.errors import InputError
from transmodal.volumes import Grid, Volume
from transmodal.volumes.formats.dicom import structures
from transmodal.volumes.formats.dicom.structures import Structure
from transmodal.volumes.geometry.reorient import reorient

GRID = Grid((20, 18, 8), np.array([[-2.0, 0, 0, 19], [0, -2.0, 0, 17], [0, 0, 3.0, -9], [0, 0, 0, 1]]))


def test_a_box_is_a_box_with_its_hole(tmp_path: Path) -> None:
    levels = [-3.0, 0.0, 3.0]
    rois = {"ring of CANARY": slab(-10, 10, levels) + slab(-4, 4, levels), "inner": slab(-4, 4, levels)}
    found = structures.read(structure_set(tmp_path / "rs.dcm", rois))
    assert found.frame == "1.2.9"
    assert [structure.name for structure in found.structures] == ["ring of ***", "inner"]
    ring, inner = (structures.fill(structure, GRID) for structure in found.structures)
    centres = GRID.world(np.stack(np.indices(GRID.shape), axis=-1).astype(float)) * (-1, -1, 1)
    flat, inside = np.abs(centres[..., :2]).max(axis=-1), np.isin(centres[..., 2], levels)
    np.testing.assert_array_equal(ring, inside & (flat < 10) & (flat > 4))
    np.testing.assert_array_equal(inner, inside & (flat < 4))


@pytest.mark.parametrize("code", ["RAS", "PSR", "LIP"])
def test_a_mask_lies_in_the_body_however_the_grid_lies(code: str) -> None:
    contours = tuple(np.array([(x, y, z) for x, y in box(-10, 6)]) for z in (-3.0, 0.0))
    structure = Structure("a", contours)
    mask = structures.fill(structure, GRID)
    turned = reorient(Volume(mask.astype(np.uint8), GRID.affine), code)
    np.testing.assert_array_equal(structures.fill(structure, turned.grid), turned.voxels == 1)
    assert mask.sum() == 8 * 8 * 2


@pytest.mark.parametrize(("step", "levels"), [(1.0, 13), (3.0, 5), (6.0, 2)])
def test_slices_between_planes_take_the_nearest_and_none_beyond_half_a_step(step: float, levels: int) -> None:
    planes = tuple(np.array([(x, y, z) for x, y in box(-10, 6)]) for z in -6.0 + step * np.arange(levels))
    mask = structures.fill(Structure("a", planes), GRID)
    z = GRID.affine[2, 3] + 3.0 * np.flatnonzero(mask.any(axis=(0, 1)))
    top = -6.0 + step * (levels - 1)
    np.testing.assert_array_equal(
        z, [z for z in np.arange(-9.0, 15, 3) if -6 - step / 2 <= z <= top + step / 2]
    )


def test_a_missing_plane_stays_missing() -> None:
    planes = tuple(np.array([(x, y, z) for x, y in box(-10, 6)]) for z in (-6.0, -3.0, 3.0, 6.0))
    mask = structures.fill(Structure("a", planes), GRID)
    assert np.flatnonzero(mask.any(axis=(0, 1))).tolist() == [1, 2, 4, 5]


def test_oblique_contours_are_refused() -> None:
    tilted = np.array([(x, y, 0.2 * y) for x, y in box(-10, 6)])
    with pytest.raises(InputError, match="not parallel") as refused:
        structures.fill(Structure("a", (tilted,)), GRID)
    assert refused.value.code == "E103"


def test_sets_are_told_from_what_else_lies_in_folders(tmp_path: Path) -> None:
    path = structure_set(tmp_path / "rs" / "rs.dcm", {"a": slab(-1, 1, [0.0])})
    assert structures.find(path) == structures.find(path.parent) == path
    assert structures.find(series(tmp_path / "mr")) is None
    assert structures.find(next((tmp_path / "mr").iterdir())) is None
    assert structures.find(tmp_path / "none.dcm") is None
    structure_set(tmp_path / "rs" / "rs2.dcm", {"a": slab(-1, 1, [0.0])})
    with pytest.raises(InputError, match="2 structure sets"):
        structures.find(path.parent)


def test_sets_without_closed_contours_or_with_odd_ones_are_refused(tmp_path: Path) -> None:
    rois = {"a": slab(-1, 1, [0.0])}
    with pytest.raises(InputError, match="no closed contour") as refused:
        structures.read(structure_set(tmp_path / "a.dcm", rois, "POINT"))
    assert refused.value.code == "E124"
    with pytest.raises(InputError, match="makes no sense") as refused:
        structures.read(structure_set(tmp_path / "b.dcm", {"a": [(0.0, [(1, 1), (2, 2)])]}))
    assert refused.value.code == "E103"
    (tmp_path / "c.dcm").write_bytes(structure_set(tmp_path / "a.dcm", rois).read_bytes()[:-20])
    with pytest.raises(InputError) as refused:
        structures.read(tmp_path / "c.dcm")
    assert refused.value.code == "E101"
