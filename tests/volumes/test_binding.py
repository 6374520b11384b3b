"""Bindings: hashes of bytes, voxels and place, equal for what was written and what is read, by format."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from transmodal.storage import files
from transmodal.volumes import Volume, binding, io
from transmodal.volumes.binding import Binding

AFFINE = np.array([[0.9, 0.1, 0, -3], [-0.1, 0.9, 0, 7.3], [0, 0, 2.5, 1 / 3], [0, 0, 0, 1]])


def volume(kind: str) -> Volume:
    colour = kind == "colour"
    voxels = np.arange(24 * (3 if colour else 1)).reshape((4, 6, 1, 3) if colour else (4, 6, 1))
    return Volume(voxels.astype("uint8" if colour else kind), AFFINE)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mha", ".mhd", ".png", ".tif"])
@pytest.mark.parametrize("kind", ["float32", "int16", "uint8", "colour"])
def test_a_file_is_read_as_it_was_bound(suffix: str, kind: str, tmp_path: Path) -> None:
    if suffix in (".png", ".tif") and kind in ("float32", "int16"):
        kind = "uint16"
    path = tmp_path / f"x{suffix}"
    made = binding.write(volume(kind), path, description="mark")
    assert made == binding.read(path)
    assert made.sha256 == files.sha256_file(path) == io.write(volume(kind), path, description="mark")
    assert made.voxels_sha256 == files.sha256_array(volume(kind).voxels)
    assert binding.of_record({"name": "x", **made._asdict()}) == made


def test_differences_name_voxels_place_and_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.nii.gz"
    first = binding.write(volume("float32"), path)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1, mtime=7))
    assert first.differences(binding.read(path)) == ["other bytes around the same voxels"]
    moved = binding.write(Volume(volume("float32").voxels, AFFINE + np.eye(4, k=3)), path)
    assert first.differences(moved) == ["another place in space"]
    brighter = binding.write(Volume(volume("float32").voxels + 1, AFFINE + np.eye(4, k=3)), path)
    assert first.differences(brighter) == ["other voxels", "another place in space"]
    assert first.differences(first) == []
    assert Binding("0").differences(first) == ["other bytes"]
    assert Binding(first.sha256).differences(first) == []


def test_signs_of_zero_are_one_place() -> None:
    assert binding.of_affine(np.eye(4)) == binding.of_affine(np.where(np.eye(4) > 0, 1.0, -0.0))
