from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.evaluation.drawing.planes import GAP, MARGIN_MM, PLANES, Frame, canonical, outline
from transmodal.volumes import Grid, Volume
from transmodal.volumes.geometry.reorient import reorient

SHAPE = (21, 31, 25)
GRID = Grid(SHAPE, np.eye(4))
CENTRE = (10, 15, 12)


def _marked(*voxel: int) -> NDArray[np.float32]:
    voxels = np.zeros(SHAPE, np.float32)
    voxels[voxel] = 1
    return voxels


def _place(plane: NDArray[np.float32]) -> tuple[str, str]:
    rows, columns = np.nonzero(plane)
    return (
        "top" if rows[0] < plane.shape[0] / 2 else "bottom",
        "left" if columns[0] < plane.shape[1] / 2 else "right",
    )


@pytest.mark.parametrize(
    ("name", "high", "low"),
    [
        ("axial", (18, 28, 12), (2, 2, 12)),  # right and anterior, left and posterior
        ("coronal", (18, 15, 22), (2, 15, 2)),  # right and superior, left and inferior
        ("sagittal", (10, 28, 22), (10, 2, 2)),  # anterior and superior, posterior and inferior
    ],
)
def test_display_is_radiological(name: str, high: tuple[int, int, int], low: tuple[int, int, int]) -> None:
    frame = Frame.of(GRID, None)
    assert frame.centre == CENTRE
    assert _place(frame.plane(_marked(*high), name)) == ("top", "left")
    assert _place(frame.plane(_marked(*low), name)) == ("bottom", "right")


def test_letters_say_which_side_is_which() -> None:
    letters = Frame.of(GRID, None).letters()
    assert "".join(letter.text for letter in letters) == "RLRLAP"
    edges = [letter.edge for letter in letters]
    assert edges == sorted(edges)
    assert edges[0] == 0
    assert edges[-1] == 1


def test_the_frame_holds_the_content_and_a_margin() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[9:14, 12:20, 2:6] = True
    frame = Frame.of(GRID, mask)
    margin = int(MARGIN_MM)
    assert frame.box == ((9 - margin, 13 + margin), (12 - margin, 19 + margin), (0, 5 + margin))
    assert frame.centre == (11, 16, 4)
    assert Frame.of(GRID, np.zeros(SHAPE, bool)) == Frame.of(GRID, None)


def test_pixels_are_square_and_not_finer_than_a_millimetre() -> None:
    grid = Grid((20, 40, 10), np.diag([0.5, 0.5, 3.0, 1.0]))
    frame = Frame.of(grid, None)
    assert frame.pixel_mm == 1.0
    assert [frame.size(name) for name in PLANES] == [(20, 10), (30, 10), (30, 20)]
    plane = frame.plane(np.ones(grid.shape, np.float32), "coronal")
    assert plane.shape == (30, 10)
    assert plane == pytest.approx(1)


def test_a_strip_is_three_planes_with_gaps() -> None:
    frame = Frame.of(GRID, None)
    strip = frame.strip(np.ones(SHAPE, np.float32))
    sizes = [frame.size(name) for name in PLANES]
    assert strip.shape == (max(r for r, _ in sizes), sum(c for _, c in sizes) + 2 * GAP)
    assert np.nansum(strip) == sum(r * c for r, c in sizes)
    colour = frame.strip(np.ones((*SHAPE, 3), np.uint8))
    assert colour.shape == (*strip.shape, 3)


def test_other_orientations_are_shown_alike() -> None:
    rng = np.random.default_rng(0)
    volume = Volume(rng.random(SHAPE).astype(np.float32), GRID.affine)
    turned = canonical(reorient(volume, "PIL"))
    np.testing.assert_array_equal(turned.voxels, volume.voxels)
    assert canonical(volume) is volume


@pytest.mark.parametrize("seed", range(4))
def test_the_outline_is_closed_and_on_the_border(seed: int) -> None:
    mask = np.random.default_rng(seed).random((15, 18)) > 0.6
    mask[4:11, 5:13] = True
    segments = outline(mask.astype(np.float32))
    ends = [(round(x, 4), round(y, 4)) for a, b, c, d in segments for x, y in ((a, b), (c, d))]
    assert all(ends.count(end) % 2 == 0 for end in set(ends))
    assert all(-0.5 <= x <= 18.5 and -0.5 <= y <= 15.5 for x, y in ends)


def test_the_outline_of_a_square_is_around_it() -> None:
    mask = np.zeros((20, 30), np.float32)
    mask[5:12, 10:24] = 1
    xs = [x for a, _, c, _ in outline(mask) for x in (a, c)]
    ys = [y for _, b, _, d in outline(mask) for y in (b, d)]
    assert (min(xs), max(xs), min(ys), max(ys)) == pytest.approx((10, 24, 5, 12), abs=0.05)


def test_both_diagonal_squares_are_drawn() -> None:
    board = np.zeros((9, 9), np.float32)
    board[::2, ::2] = board[1::2, 1::2] = 1
    flipped = board[::-1].copy()
    flipped[:, :4] = 0
    assert outline(np.kron(board, np.ones((4, 4), np.float32)))
    assert outline(np.kron(flipped, np.ones((4, 4), np.float32)))
