from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from transmodal.viewing.encoding import HEADER_BYTES, coarsen, encode
from transmodal.viewing.layers import Layer
from transmodal.volumes import Volume, io

AFFINE = np.array([[0.0, -2.0, 0.0, 5.0], [1.5, 0.0, 0.1, -3.0], [0.0, 0.2, 3.0, 1.0], [0.0, 0.0, 0.0, 1.0]])
GENERATOR = np.random.default_rng(3)


@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "u2", "i4", "f4"])
def test_what_is_encoded_is_read_again(kind: str, tmp_path: Path) -> None:
    voxels = GENERATOR.normal(50, 20, (3, 4, 5)).astype(kind)
    (tmp_path / "a.nii").write_bytes(encode(Volume(voxels, AFFINE)))
    back = io.read(tmp_path / "a.nii")
    assert np.array_equal(back.voxels, voxels)
    assert back.voxels.dtype == voxels.dtype
    assert np.allclose(back.affine, AFFINE, atol=1e-6)


def test_colour_is_read_again(tmp_path: Path) -> None:
    voxels = GENERATOR.integers(0, 256, (3, 4, 5, 3)).astype(np.uint8)
    (tmp_path / "a.nii").write_bytes(encode(Volume(voxels, AFFINE)))
    assert np.array_equal(io.read(tmp_path / "a.nii").voxels, voxels)


def test_rounded_floats_are_near_and_nought_stays_nought(tmp_path: Path) -> None:
    voxels = GENERATOR.normal(0, 1, (6, 5, 4)).astype(np.float32)
    voxels[0] = 0
    data = encode(Volume(voxels, AFFINE), is_rounded=True)
    assert len(data) == HEADER_BYTES + 2 * voxels.size
    (tmp_path / "a.nii").write_bytes(data)
    back = io.read(tmp_path / "a.nii").voxels
    assert np.abs(back - voxels).max() <= np.abs(voxels).max() / 32767
    assert (back[0] == 0).all()
    nothing = encode(Volume(voxels * 0, AFFINE), is_rounded=True)
    assert not any(nothing[HEADER_BYTES:])


def test_the_header_says_shape_and_place_alone() -> None:
    header = encode(Volume(np.zeros((3, 4, 5), np.uint8), AFFINE))[:HEADER_BYTES]
    assert not any(header[4:40])
    assert not any(header[148:252])  # descrip, aux_file
    assert not any(header[328:344])  # intent_name


def test_coarser_volumes_keep_their_field_of_view_and_type() -> None:
    shown = Layer("a", Volume(np.full((20, 30, 8), 100, np.int16), np.diag([1.0, 1.0, 4.0, 1.0])), "ct")
    assert coarsen(shown, 1.0) is shown
    coarse = coarsen(shown, 1.5)
    assert coarse.volume.voxels.dtype == np.int16
    assert (coarse.volume.voxels == 100).all()
    assert coarse.volume.spacing[2] == 4.0  # thick slices stay
    assert coarse.spacing_mm == shown.volume.spacing
    assert 0.5 < np.prod(coarse.volume.grid.shape) / (20 * 30 * 8) * 1.5**3 < 1.5


def test_sides_that_no_device_holds_become_shorter() -> None:
    long = Layer("a", Volume(np.zeros((2200, 2, 2), np.uint8), np.eye(4)))
    assert max(coarsen(long, 1.0).volume.grid.shape) <= 2048
