"""Images of a folder, and reading in grey or as far as a file leaves something open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from transmodal.errors import InputError, TransmodalError
from transmodal.storage import files
from transmodal.volumes import Volume, io
from transmodal.volumes.reading import Reading

VOXELS = np.arange(60, dtype=np.int16).reshape(3, 4, 5)


def test_a_written_volume_has_the_hash_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "t1.nii.gz"
    digest = io.write(Volume(VOXELS, np.diag([1.0, 2, 3, 1])), path)
    assert digest == files.sha256_file(path)
    back = io.read(path)
    np.testing.assert_array_equal(back.voxels, VOXELS)
    assert back.spacing == (1.0, 2.0, 3.0)


def test_grey_stored_as_rgb_is_grey_where_grey_is_wanted(tmp_path: Path) -> None:
    thrice = Volume(np.stack([VOXELS.astype(np.uint8)] * 3, axis=-1), np.eye(4))
    io.write(thrice, tmp_path / "grey.nii.gz")
    assert io.read(tmp_path / "grey.nii.gz").is_colour
    np.testing.assert_array_equal(io.read_grey(tmp_path / "grey.nii.gz").voxels, VOXELS)
    photo = thrice.with_voxels(thrice.voxels + np.array([0, 1, 2], np.uint8))
    io.write(photo, tmp_path / "photo.nii.gz")
    with pytest.raises(InputError, match="in colour") as refused:
        io.read_grey(tmp_path / "photo.nii.gz")
    assert refused.value.code == "E122"


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("a.nii", True),
        ("a.NII.GZ", True),
        ("a.mha", True),
        ("a.png", True),
        ("a.json", False),
        ("nii", False),
    ],
)
def test_images_are_known_by_their_endings(name: str, image: bool) -> None:
    assert io.is_image(Path(name)) == image


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_text("not an image")
    for name in ("a.nii", "missing.nii.gz", "a.txt"):
        with pytest.raises(TransmodalError):
            io.read(tmp_path / name)
    with pytest.raises(InputError, match="not finite"):
        io.write(Volume(np.full((2, 2, 2), np.nan, np.float32), np.eye(4)), tmp_path / "b.nii.gz")
    assert not (tmp_path / "b.nii.gz").exists()


def test_a_frame_counts_in_series_alone(tmp_path: Path) -> None:
    path = tmp_path / "t1.nii.gz"
    io.write(Volume(VOXELS, np.eye(4)), path)
    third = Reading(frame=3)
    with pytest.raises(TransmodalError):
        io.read(path, third)
    fitted = io.read_fitted(path, third)
    np.testing.assert_array_equal(fitted.voxels, VOXELS)
    np.testing.assert_array_equal(io.read_grey_fitted(path, third).voxels, VOXELS)
