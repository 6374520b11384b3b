"""The head around the brain."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from transmodal.cohorts.simulation import anatomy, draws, head
from transmodal.cohorts.simulation.subject import VirtualSubject, draw_subject
from transmodal.volumes import Grid

STILL = np.zeros(3)


def drawn(index: int, spacing_mm: float = 6.0) -> VirtualSubject:
    return draw_subject(7, index, spacing_mm, 0.0, lesions=True)


def test_anatomy_does_not_depend_on_the_grid() -> None:
    """Another spacing, orientation and offset see the same head."""
    subject = drawn(2)
    world = np.array([[-30.0, -20.0, 10.0], [41.0, 13.0, 3.0], [5.0, -61.0, 25.0]])
    found = []
    for spacing, flip in ((2.0, 1.0), (5.0, -1.0)):
        affine = np.diag([flip * spacing, spacing, spacing, 1])
        affine[:3, 3] = [-flip * 100, -130, -90]
        place = anatomy.place(Grid((90, 90, 80), affine), subject.affine, subject.warp, STILL)
        index = place_index(affine, world)
        found.append([ndimage.map_coordinates(row, index, order=1) for row in place.template_mm])
    np.testing.assert_allclose(found[0], found[1], atol=0.15)


def test_skull_thickness_varies() -> None:
    borders = head.draw(draws.stream(1, 1, "head"))
    level = dict(zip(head.CHANNELS, np.moveaxis(borders.levels, -1, 0), strict=True))
    thickness = (level["inner"] - level["outer"])[np.abs(level["inner"]) < 3]
    assert float(thickness.std()) > 1
    assert 1.5 < float(np.quantile(thickness, 0.02)) < float(np.quantile(thickness, 0.98)) < 16


def test_fiducial_lies_on_the_right() -> None:
    for index in range(3):
        x, y, z = head.draw(draws.stream(1, index, "head")).fiducial_mm
        assert 70 < x < 110
        assert (y, z) == (18, 30)


def place_index(affine: np.ndarray, world: np.ndarray) -> np.ndarray:
    inverse = np.linalg.inv(affine)
    return (world @ inverse[:3, :3].T + inverse[:3, 3]).T
