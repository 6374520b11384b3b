"""MetaImage with HeaderSize -1: voxels are the last bytes of their file; ITK is the second opinion."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

from transmodal.errors import InputError
from transmodal.volumes import io

VOXELS = np.arange(3 * 4 * 5, dtype="<i2").reshape(3, 4, 5)
HEADER = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
CompressedData = False
TransformMatrix = 1 0 0 0 1 0 0 0 1
Offset = 1 2 3
ElementSpacing = 1 1.5 2
DimSize = 5 4 3
HeaderSize = {size}
ElementType = MET_SHORT
ElementDataFile = {data}
"""


def written(
    path: Path, size: int, before: bytes, data: str = "LOCAL", voxels: bytes = VOXELS.tobytes()
) -> Path:
    header = HEADER.format(size=size, data=data).encode()
    if data == "LOCAL":
        path.write_bytes(header + before + voxels)
    else:
        path.write_bytes(header)
        path.with_name(data).write_bytes(before + voxels)
    return path


@pytest.mark.parametrize("before", [b"", b"x" * 348, b"\0" * 7])
@pytest.mark.parametrize("data", ["LOCAL", "a.raw"])
def test_voxels_are_the_last_bytes(before: bytes, data: str, tmp_path: Path) -> None:
    path = written(tmp_path / ("a.mha" if data == "LOCAL" else "a.mhd"), -1, before, data)
    if data == "LOCAL" and before:  # a cut file would begin elsewhere, and nobody could tell
        with pytest.raises(InputError) as caught:
            io.read(path)
        assert caught.value.code == "E101"
        return
    volume = io.read(path)
    np.testing.assert_array_equal(volume.voxels, VOXELS.transpose(2, 1, 0))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path))), VOXELS)


@pytest.mark.parametrize("data", ["LOCAL", "a.raw"])
def test_too_few_bytes_are_refused(data: str, tmp_path: Path) -> None:
    path = written(tmp_path / "a.mhd", -1, b"", data, VOXELS.tobytes()[:-1])
    with pytest.raises(InputError) as caught:
        io.read(path)
    assert caught.value.code == "E101"


def test_other_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="HeaderSize = 12") as caught:
        io.read(written(tmp_path / "a.mha", 12, b"x" * 12))
    assert caught.value.code == "E102"


def test_compressed_voxels_need_their_size(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mha", -1, b"")
    path.write_bytes(path.read_bytes().replace(b"CompressedData = False", b"CompressedData = True"))
    with pytest.raises(InputError, match="CompressedDataSize") as caught:
        io.read(path)
    assert caught.value.code == "E102"


def test_a_nifti_file_says_itself_where_its_voxels_begin(tmp_path: Path) -> None:
    image = nib.Nifti1Image(VOXELS.transpose(2, 1, 0), np.eye(4))
    content = image.to_bytes()
    path = written(tmp_path / "a.mhd", -1, b"", "a.nii", content)
    np.testing.assert_array_equal(io.read(path).voxels, VOXELS.transpose(2, 1, 0))
    (tmp_path / "a.nii").write_bytes(content[:-6])
    with pytest.raises(InputError, match="byte 352") as caught:
        io.read(path)
    assert caught.value.code == "E101"
