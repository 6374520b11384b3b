"""Headers of MetaImage: fields, layout and affine; with HeaderSize -1 voxels are the last bytes, ITK is the second opinion."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

from transmodal.errors import InputError
from transmodal.volumes import io
from transmodal.volumes.formats import metaimage_header

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
    with pytest.raises(InputError, match="the HeaderSize 12") as caught:
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


FIELDS = {
    "NDims": "3",
    "DimSize": "5 4 3",
    "ElementType": "MET_SHORT",
    "BinaryDataByteOrderMSB": "True",
    "ElementSpacing": "1 1.5 2",
    "TransformMatrix": "1 0 0 0 1 0 0 0 1",
    "Offset": "1 2 3",
}


def test_the_layout_is_that_of_the_fields() -> None:
    layout = metaimage_header.build_layout("a.mha", FIELDS)
    assert (layout.shape, layout.channels, layout.dtype.str, layout.n_bytes) == ((5, 4, 3), 1, ">i2", 120)


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ({"NDims": "2"}, "E121"),
        ({"DimSize": "5 0 3"}, "E124"),
        ({"DimSize": "5 4"}, "E103"),
        ({"DimSize": "5 4.5 3"}, "E103"),
        ({"ElementType": "MET_LONG"}, "E123"),
        ({"ElementNumberOfChannels": "3"}, "E123"),
        ({"BinaryData": "False"}, "E102"),
        ({"ElementByteOrderMSB": "False"}, "E103"),
        ({"ElementToIntensityFunctionSlope": "2"}, "E102"),
    ],
)
def test_fields_that_make_no_volume_are_refused(field: dict[str, str], code: str) -> None:
    with pytest.raises(InputError) as refused:
        metaimage_header.build_layout("a.mha", {**FIELDS, **field})
    assert refused.value.code == code


def test_the_affine_is_in_ras() -> None:
    affine = metaimage_header.build_affine("a.mha", FIELDS, (5, 4, 3), None)
    np.testing.assert_array_equal(affine, [[-1, 0, 0, -1], [0, -1.5, 0, -2], [0, 0, 2, 3], [0, 0, 0, 1]])


def test_a_file_without_its_place_needs_an_orientation_and_a_spacing() -> None:
    unplaced = {key: value for key, value in FIELDS.items() if key != "Offset"}
    assert metaimage_header.build_affine("a.mha", unplaced, (5, 4, 3), "RAS")[0, 0] == 1.0
    for header, orientation in ((unplaced, None), ({}, "RAS")):
        with pytest.raises(InputError, match="does not say how it lies") as refused:
            metaimage_header.build_affine("a.mha", header, (5, 4, 3), orientation)
        assert refused.value.code == "E111"


@pytest.mark.parametrize("text", ["NDims = 3\nNDims = 3\n", "no field\n", "NDims = 3\n"])
def test_lines_that_are_no_header_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.mhd").write_text(text)
    with pytest.raises(InputError) as refused:
        metaimage_header.read_header(tmp_path / "a.mhd")
    assert refused.value.code in ("E101", "E102")
