"""Headers of MetaImage: fields, layout and affine; with HeaderSize -1 voxels are the last bytes, ITK is the second opinion."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

from refusals import refusal
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


PLAIN = "Convert it to plain MetaImage or NIfTI."
EXPORT = "Export it again."
CHANNELS = "expected grey integers or floats, or three channels of MET_UCHAR. Convert it."


@pytest.mark.parametrize(
    ("field", "line"),
    [
        (
            {"NDims": "4"},
            "E121]: a.mha has another NDims than 3; expected one volume: 3. Choose one frame, or convert it.",
        ),
        (
            {"NDims": None},
            "E121]: a.mha has no NDims; expected one volume: 3. Choose one frame, or convert it.",
        ),
        (
            {"ElementToIntensityFunctionSlope": "2"},
            f"E102]: a.mha has another ElementToIntensityFunctionSlope; expected 1. {PLAIN}",
        ),
        (
            {"ElementToIntensityFunctionOffset": "1"},
            f"E102]: a.mha has another ElementToIntensityFunctionOffset; expected 0. {PLAIN}",
        ),
        (
            {"DimSize": "5 0 3"},
            "E124]: a.mha has the sides [5, 0, 3]; expected voxels on every axis. Check it.",
        ),
        ({"DimSize": "5 4"}, f"E103]: a.mha has a DimSize that makes no sense; expected 3 numbers. {EXPORT}"),
        (
            {"DimSize": "5 4 3x"},
            f"E103]: a.mha has a DimSize that makes no sense; expected 3 numbers. {EXPORT}",
        ),
        (
            {"DimSize": "5 4 3 2"},
            f"E103]: a.mha has a DimSize that makes no sense; expected 3 numbers. {EXPORT}",
        ),
        (
            {"DimSize": "5 4 1e999"},
            f"E103]: a.mha has a DimSize that makes no sense; expected 3 numbers. {EXPORT}",
        ),
        ({"DimSize": None}, f"E103]: a.mha has no DimSize; expected 3 numbers. {EXPORT}"),
        (
            {"DimSize": "5 4 2.5"},
            f"E103]: a.mha has parts of numbers as DimSize; expected whole numbers. {EXPORT}",
        ),
        (
            {"DimSize": "5 4 9007199254740994"},
            f"E103]: a.mha has parts of numbers as DimSize; expected whole numbers. {EXPORT}",
        ),
        ({"ElementType": "MET_LONG"}, f"E123]: a.mha has 1 channels of MET_LONG; {CHANNELS}"),
        ({"ElementType": "Jane Doe"}, f"E123]: a.mha has 1 channels of an unknown ElementType; {CHANNELS}"),
        ({"ElementType": None}, f"E123]: a.mha has 1 channels of no ElementType; {CHANNELS}"),
        ({"ElementNumberOfChannels": "3"}, f"E123]: a.mha has 3 channels of MET_SHORT; {CHANNELS}"),
        ({"ElementNumberOfChannels": "2"}, f"E123]: a.mha has 2 channels of MET_SHORT; {CHANNELS}"),
        ({"BinaryData": "False"}, "E102]: a.mha has voxels as text; expected binary voxels. Convert it."),
        (
            {"BinaryData": "1"},
            f"E103]: a.mha has a BinaryData that makes no sense; expected True or False. {EXPORT}",
        ),
        (
            {"ElementByteOrderMSB": "False"},
            "E103]: a.mha has a BinaryDataByteOrderMSB or ElementByteOrderMSB that makes no sense; "
            f"expected True or False. {EXPORT}",
        ),
    ],
)
def test_a_refusal_of_the_layout_names_the_field_and_no_value_of_a_patient(
    field: dict[str, str | None], line: str
) -> None:
    fields = {key: value for key, value in (FIELDS | field).items() if value is not None}
    assert refusal(lambda: metaimage_header.build_layout("a.mha", fields)) == f"error[{line}"


@pytest.mark.parametrize(
    ("field", "line"),
    [
        (
            {"ElementSpacing": "1 0 2"},
            f"E103]: a.mha has ElementSpacing [1.0, 0.0, 2.0]; expected positive numbers. {EXPORT}",
        ),
        (
            {"ElementSpacing": "1 2"},
            f"E103]: a.mha has a ElementSpacing that makes no sense; expected 3 numbers. {EXPORT}",
        ),
        (
            {"CenterOfRotation": "1 2"},
            f"E103]: a.mha has a CenterOfRotation that makes no sense; expected 3 numbers. {EXPORT}",
        ),
        ({"Offset": "1 2"}, f"E103]: a.mha has a Offset that makes no sense; expected 3 numbers. {EXPORT}"),
        (
            {"TransformMatrix": "1 0 0 0 1 0 0 0"},
            f"E103]: a.mha has a TransformMatrix that makes no sense; expected 9 numbers. {EXPORT}",
        ),
        (
            {"TransformMatrix": "1 0 0 0 1 0 0 0 1.5"},
            "E103]: a.mha has a TransformMatrix of directions as long as 1, 1, 1.5; "
            f"expected three directions of length 1, the step being ElementSpacing's. {EXPORT}",
        ),
        (
            {"Offset": None},
            "E111]: a.mha does not say how it lies; expected ElementSpacing, TransformMatrix and Offset. "
            "Export it again with its place in space, or say it: --assume-orientation RAS (or what is true).",
        ),
    ],
)
def test_a_refusal_of_the_place_names_the_field(field: dict[str, str | None], line: str) -> None:
    fields = {key: value for key, value in (FIELDS | field).items() if value is not None}
    assert refusal(lambda: metaimage_header.build_affine("a.mha", fields, (5, 4, 3), None)) == f"error[{line}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("NDims = 3\nNDims = 3\n", "E102]: a.mhd has no MetaImage header (line 2); expected lines of `Key = value`, each key once. Check the file."),
        ("no field\n", "E102]: a.mhd has no MetaImage header (line 1); expected lines of `Key = value`, each key once. Check the file."),
        ("A\0 = 3\n", "E102]: a.mhd has no MetaImage header (line 1); expected lines of `Key = value`, each key once. Check the file."),
        ("NDims = 3\n", "E101]: a.mhd has no ElementDataFile; expected a whole MetaImage header. Copy or export it again."),
    ],
)  # fmt: skip
def test_a_refusal_of_lines_says_which(text: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "a.mhd").write_text(text)
    assert refusal(lambda: metaimage_header.read_header(tmp_path / "a.mhd")) == f"error[{line}"


def test_a_header_ends_behind_its_last_line(tmp_path: Path) -> None:
    text = b" NDims=3 \nComment = a = b\xff\r\nElementDataFile = LOCAL\n"
    (tmp_path / "a.mha").write_bytes(text + b"NDims = voxels\n")
    fields, n_bytes = metaimage_header.read_header(tmp_path / "a.mha")
    assert (list(fields.items()), n_bytes) == (
        [("NDims", "3"), ("Comment", "a = b\ufffd"), ("ElementDataFile", "LOCAL")],
        len(text),
    )


@pytest.mark.parametrize(("length", "is_read"), [(1 << 16, True), ((1 << 16) + 1, False)])
def test_a_header_of_64_kibibytes_is_the_longest(length: int, is_read: bool, tmp_path: Path) -> None:
    end = b"ElementDataFile = LOCAL\n"
    comment = b"Comment = ".ljust(length - len(end) - 1, b"x") + b"\n"
    (tmp_path / "a.mha").write_bytes(comment + end)
    if is_read:
        assert metaimage_header.read_header(tmp_path / "a.mha")[1] == length
    else:
        assert (
            metaimage_header.read_header(tmp_path / "a.mha")[1] == length - 1
        )  # the line is whole but for its end
    (tmp_path / "a.mha").write_bytes(b"x" + comment + b"\n" + end)
    assert "error[E10" in refusal(lambda: metaimage_header.read_header(tmp_path / "a.mha"))


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("MET_CHAR", "i1"), ("MET_UCHAR", "u1"), ("MET_SHORT", "i2"), ("MET_USHORT", "u2"), ("MET_INT", "i4"), ("MET_UINT", "u4"),
     ("MET_LONG_LONG", "i8"), ("MET_ULONG_LONG", "u8"), ("MET_FLOAT", "f4"), ("MET_DOUBLE", "f8")],
)  # fmt: skip
@pytest.mark.parametrize(("order", "sign"), [("True", ">"), ("false", "<"), (None, "<")])
def test_types_and_orders_of_bytes(kind: str, dtype: str, order: str | None, sign: str) -> None:
    for key in ("BinaryDataByteOrderMSB", "ElementByteOrderMSB"):
        fields = {**FIELDS, "ElementType": kind}
        del fields["BinaryDataByteOrderMSB"]
        layout = metaimage_header.build_layout("a.mha", fields if order is None else {**fields, key: order})
        assert layout.dtype == np.dtype(sign + dtype)
        assert layout.n_bytes == 60 * layout.dtype.itemsize


def test_three_channels_of_bytes_are_colours() -> None:
    fields = {**FIELDS, "ElementType": "MET_UCHAR", "ElementNumberOfChannels": "3"}
    layout = metaimage_header.build_layout("a.mha", fields)
    assert (layout.channels, layout.n_bytes) == (3, 180)


@pytest.mark.parametrize("step", ["ElementSpacing", "ElementSize"])
@pytest.mark.parametrize("turn", ["TransformMatrix", "Orientation", "Rotation"])
@pytest.mark.parametrize("place", ["Offset", "Position", "Origin"])
def test_fields_of_the_place_have_several_names(step: str, turn: str, place: str) -> None:
    fields = {step: "1 1.5 2", turn: "0 1 0 0 0 1 1 0 0", place: "1 2 3"}
    affine = metaimage_header.build_affine("a.mha", fields, (5, 4, 3), None)
    np.testing.assert_array_equal(affine, [[0, 0, -2, -1], [-1, 0, 0, -2], [0, 1.5, 0, 3], [0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("length", "is_refused"), [("1.00099", False), ("1.00101", True), ("-0.99901", False), ("0.99899", True)]
)
def test_directions_may_be_off_by_a_thousandth(length: str, is_refused: bool) -> None:
    fields = {**FIELDS, "TransformMatrix": f"1 0 0 0 {length} 0 0 0 1"}
    if is_refused:
        assert "TransformMatrix" in refusal(
            lambda: metaimage_header.build_affine("a.mha", fields, (5, 4, 3), None)
        )
    else:
        assert metaimage_header.build_affine("a.mha", fields, (5, 4, 3), None)[1, 1] == -1.5 * float(length)


@pytest.mark.parametrize(("size", "is_last"), [(None, False), ("0", False), ("-1", True)])
def test_voxels_are_last_where_the_header_size_says_so(size: str | None, is_last: bool) -> None:
    fields = {} if size is None else {"HeaderSize": size}
    assert metaimage_header.has_voxels_last("a.mha", fields) is is_last
    assert refusal(lambda: metaimage_header.has_voxels_last("a.mha", {"HeaderSize": "1"})) == (
        f"error[E102]: a.mha has the HeaderSize 1; expected 0, or -1. {PLAIN}"
    )


@pytest.mark.parametrize("word", ["1", "+1", "1.", ".5e1", "-2E-3"])
def test_numbers_are_those_of_plain_text(word: str) -> None:
    assert metaimage_header._parse_numbers("a.mha", {"A": word}, "A", 1)[0] == float(word)


@pytest.mark.parametrize("word", ["nan", "inf", "0x1", "1_0", "1e", ".", "", "1,0"])
def test_words_that_python_or_nobody_takes_for_numbers_are_none(word: str) -> None:
    assert "a.mha has a A that makes no sense" in refusal(
        lambda: metaimage_header._parse_numbers("a.mha", {"A": word}, "A", 1)
    )


def test_whole_numbers_are_exact() -> None:
    assert metaimage_header.parse_integers("a.mha", {"A": f"{2**53} -2"}, "A", 2) == [2**53, -2]
    assert metaimage_header.parse_flag("a.mha", {"A": "TRUE", "B": "true"}, ("A", "B"), default=False) is True
    assert metaimage_header.parse_flag("a.mha", {}, ("A",), default=True) is True
