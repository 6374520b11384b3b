"""MetaImage: voxels come from where the header may point, and its directions are directions."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

from refusals import refusal
from transmodal.errors import InputError
from transmodal.storage import memory
from transmodal.volumes import Volume, io
from transmodal.volumes.formats import metaimage

VOXELS = np.arange(3 * 4 * 5, dtype="<i2").reshape(3, 4, 5)
HEADER = """ObjectType = Image
NDims = 3
BinaryData = True
TransformMatrix = {directions}
Offset = 1 2 3
ElementSpacing = 1 1.5 2
DimSize = {sides}
{size}ElementType = MET_SHORT
ElementDataFile = {data}
"""
UPRIGHT = "1 0 0 0 1 0 0 0 1"


def write_header(
    path: Path, data: str, *, directions: str = UPRIGHT, sides: str = "5 4 3", size: str = ""
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER.format(directions=directions, sides=sides, size=size, data=data))
    return path


def write_voxels(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(VOXELS.tobytes())
    return path


@pytest.mark.parametrize("directions", ["2 0 0 0 2 0 0 0 2", "1 0 0 0 1 0 0 0 1.01", "0 0 0 0 1 0 0 0 1"])
@pytest.mark.parametrize("data", ["LOCAL", "a.raw"])
def test_directions_have_the_length_1(directions: str, data: str, tmp_path: Path) -> None:
    path = write_header(tmp_path / "a.mhd", data, directions=directions)
    if data == "LOCAL":
        path.write_bytes(path.read_bytes() + VOXELS.tobytes())
    else:
        write_voxels(tmp_path / data)
    with pytest.raises(InputError, match="TransformMatrix") as caught:
        io.read(path)
    assert caught.value.code == "E103"


def test_directions_may_be_rounded(tmp_path: Path) -> None:
    write_voxels(tmp_path / "a.raw")
    path = write_header(tmp_path / "a.mhd", "a.raw", directions="0.8660 0.5 0 -0.5 0.8660 0 0 0 1")
    assert io.read(path).spacing == pytest.approx((1, 1.5, 2), abs=1e-3)


def test_voxels_that_are_a_link_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    path = write_header(tmp_path / "study" / "a.mhd", "a.raw")
    secret = write_voxels(tmp_path / "elsewhere" / "secret")
    (tmp_path / "study" / "a.raw").symlink_to(secret)
    with pytest.raises(InputError, match="link out of its folder") as caught:
        io.read(path)
    assert caught.value.code == "E103"
    assert "secret" not in str(caught.value)


def test_a_link_within_the_folder_and_pairs_of_links_are_taken(tmp_path: Path) -> None:
    path = write_header(tmp_path / "study" / "a.mhd", "a.raw")
    write_voxels(tmp_path / "study" / "b.raw")
    (tmp_path / "study" / "a.raw").symlink_to("b.raw")
    assert io.read(path).voxels.shape == (5, 4, 3)
    view = tmp_path / "view"
    view.mkdir()
    for name in ("a.mhd", "a.raw"):
        (view / name).symlink_to(tmp_path / "study" / name)
    assert io.read(view / "a.mhd").voxels.shape == (5, 4, 3)


def test_what_git_annex_keeps_is_taken(tmp_path: Path) -> None:
    path = write_header(tmp_path / "set" / "sub-01" / "a.mhd", "a.raw")
    store = tmp_path / "set" / ".git" / "annex" / "objects"
    key = write_voxels(store / "aa" / "bb" / "KEY" / "KEY")
    (path.parent / "a.raw").symlink_to(key)
    assert io.read(path).voxels.shape == (5, 4, 3)


@pytest.mark.parametrize("size", ["", "HeaderSize = -1\n"])
@pytest.mark.parametrize("data", ["a.mhd", "b.mhd", "link.raw"])
def test_a_header_is_not_read_as_voxels(data: str, size: str, tmp_path: Path) -> None:
    (tmp_path / "link.raw").symlink_to("a.mhd")
    sides = "1 1 1"
    for _ in range(3):  # as many voxels as its own text has bytes
        path = write_header(tmp_path / "a.mhd", data, sides=sides, size=size)
        path.write_text(path.read_text() if path.stat().st_size % 2 == 0 else " " + path.read_text())
        sides = f"{path.stat().st_size // 2} 1 1"
    (tmp_path / "b.mhd").write_bytes(path.read_bytes())
    with pytest.raises(InputError, match="names a header") as caught:
        io.read(path)
    assert caught.value.code == "E103"


@pytest.mark.parametrize("change", [("Offset = 1", "Offset = 1e300"), ("Spacing = 1 ", "Spacing = 1e300 ")])
def test_a_place_beyond_all_places_is_refused(change: tuple[str, str], tmp_path: Path) -> None:
    path = write_header(tmp_path / "a.mhd", "a.raw")
    write_voxels(tmp_path / "a.raw")
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(InputError, match="1e9 mm") as caught:
        io.read(path)
    assert caught.value.code == "E112"


COLOURS = np.arange(180, dtype=np.uint8).reshape(3, 4, 5, 3)
TURNED = np.array([[0, 2.0, 0, 4], [3, 0, 0, -5], [0, 0, 1.5, 6], [0, 0, 0, 1]])


def whole(path: Path, more: str = "", voxels: bytes = VOXELS.tobytes(), data: str = "LOCAL") -> Path:
    """Write header and voxels, into one file or two."""
    write_header(path, data, size=more)
    place = path if data == "LOCAL" else path.with_name(data)
    place.write_bytes((path.read_bytes() if data == "LOCAL" else b"") + voxels)
    return path


def accept(volume: Volume, path: Path, name: str) -> None:
    pass


@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f4"])
def test_what_is_written_is_read_the_same_by_itk(dtype: str, pair: bool, tmp_path: Path) -> None:
    volume = Volume(np.arange(60).reshape(3, 4, 5).astype(dtype), TURNED)
    path = tmp_path / ("a.mhd" if pair else "a.mha")
    if pair:
        digest = metaimage.write_pair(volume, path, accept)
        assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
        (beside,) = tmp_path.glob("*.zraw")
        assert beside.name == f"a.{hashlib.sha256(beside.read_bytes()).hexdigest()[:12]}.zraw"
    else:
        metaimage.write(volume, path)
    image = SimpleITK.ReadImage(str(path))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), volume.voxels.transpose(2, 1, 0))
    assert image.GetSpacing() == (3.0, 2.0, 1.5)
    assert image.GetOrigin() == (-4.0, 5.0, 6.0)
    assert image.GetDirection() == (0, -1, 0, -1, 0, 0, 0, 0, 1)
    again = metaimage.read(path)
    np.testing.assert_array_equal(again.voxels, volume.voxels)
    assert again.voxels.dtype == volume.voxels.dtype
    np.testing.assert_array_equal(again.affine, TURNED)


def test_the_header_that_is_written(tmp_path: Path) -> None:
    metaimage.write(Volume(COLOURS, TURNED), tmp_path / "a.mha")
    text, _, data = (tmp_path / "a.mha").read_bytes().partition(b"LOCAL\n")
    assert text.decode().splitlines() == [
        "ObjectType = Image",
        "NDims = 3",
        "BinaryData = True",
        "BinaryDataByteOrderMSB = False",
        "CompressedData = True",
        f"CompressedDataSize = {len(data)}",
        "TransformMatrix = 0.0 -1.0 0.0 -1.0 0.0 0.0 0.0 0.0 1.0",
        "Offset = -4.0 5.0 6.0",
        "CenterOfRotation = 0 0 0",
        "ElementSpacing = 3.0 2.0 1.5",
        "DimSize = 3 4 5",
        "ElementNumberOfChannels = 3",
        "ElementType = MET_UCHAR",
        "ElementDataFile = ",
    ]
    assert zlib.decompress(data) == np.moveaxis(COLOURS, -1, 0).tobytes(order="F")
    volume = metaimage.read(tmp_path / "a.mha")
    np.testing.assert_array_equal(volume.voxels, COLOURS)
    assert volume.voxels.flags.c_contiguous


def test_a_sheared_grid_is_not_written(tmp_path: Path) -> None:
    sheared = np.eye(4)
    sheared[0, 1] = 0.4
    volume = Volume(VOXELS, sheared)
    line = "error[E112]: a.mhd: a sheared affine; expected axes at right angles. Write NIfTI instead."
    assert refusal(lambda: metaimage.write(volume, tmp_path / "a.mhd")) == line
    assert refusal(lambda: metaimage.write_pair(volume, tmp_path / "a.mhd", accept)) == line
    assert list(tmp_path.iterdir()) == []


def test_a_newer_pair_takes_the_place_of_the_older_and_of_nothing_else(tmp_path: Path) -> None:
    path, seen = tmp_path / "a.mhd", []
    first, second = Volume(VOXELS, np.eye(4)), Volume(VOXELS + 1, np.eye(4))
    metaimage.write_pair(
        first, path, lambda volume, partial, name: seen.append((volume, partial.parent, name))
    )
    assert seen == [(first, tmp_path, "a.mhd")]
    (older,) = tmp_path.glob("*.zraw")
    metaimage.write_pair(first, path, accept)
    assert sorted(tmp_path.iterdir()) == sorted([path, older])
    before = path.read_bytes()

    def refuse(volume: Volume, partial: Path, name: str) -> None:
        raise ValueError(name)

    for volume in (first, second):  # of the same voxels' file, and of another
        with pytest.raises(ValueError, match=r"a\.mhd"):
            metaimage.write_pair(volume, path, refuse)
        assert (path.read_bytes(), sorted(tmp_path.iterdir())) == (before, sorted([path, older]))
    older_content = older.read_bytes()
    metaimage.write_pair(second, path, accept)
    (newer,) = tmp_path.glob("*.zraw")
    assert newer != older
    np.testing.assert_array_equal(metaimage.read(path).voxels, VOXELS + 1)
    # The older file may be gone by then, and a file whose name somebody else chose stays.
    for name in (older.name, "voxels.zraw", f"b.{'0' * 12}.zraw", f"a.{'0' * 13}.zraw", f"a.{'G' * 12}.zraw"):
        kept = tmp_path / name
        kept.write_bytes(older_content)
        path.write_bytes(before.replace(older.name.encode(), name.encode()))
        if name == older.name:
            kept.unlink()
        metaimage.write_pair(second, path, accept)
        assert kept.exists() == (name != older.name), name
        np.testing.assert_array_equal(metaimage.read(path).voxels, VOXELS + 1)


def test_a_pair_that_fails_before_it_has_a_header_leaves_nothing(tmp_path: Path) -> None:
    def refuse(volume: Volume, partial: Path, name: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        metaimage.write_pair(Volume(VOXELS, np.eye(4)), tmp_path / "a.mhd", refuse)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("more", "voxels", "line"),
    [
        (
            "",
            VOXELS.tobytes()[:-1],
            "error[E101]: a.mha has 119 bytes of voxels; expected 120 as the header declares.",
        ),
        (
            "",
            VOXELS.tobytes() + b"x",
            "error[E101]: a.mha has 121 bytes of voxels; expected 120 as the header declares.",
        ),
        (
            "CompressedData = True\nCompressedDataSize = 7\n",
            zlib.compress(VOXELS.tobytes(), 0),
            "error[E101]: a.mha has 131 bytes of voxels; expected 7 as the header declares.",
        ),
        (
            "CompressedData = True\n",
            zlib.compress(VOXELS.tobytes()[:-2]),
            "error[E101]: a.mha has 118 bytes; expected 120 as its header declares.",
        ),
    ],
)
def test_bytes_that_are_missing_or_too_many_are_counted(
    more: str, voxels: bytes, line: str, tmp_path: Path
) -> None:
    path = whole(tmp_path / "a.mha", more, voxels)
    assert refusal(lambda: metaimage.read(path)) == f"{line} Copy or export it again."


@pytest.mark.parametrize("size", ["", "CompressedDataSize = {}\n"])
@pytest.mark.parametrize("data", ["LOCAL", "a.zraw"])
def test_compressed_voxels_are_read_with_their_size_and_without(size: str, data: str, tmp_path: Path) -> None:
    voxels = zlib.compress(VOXELS.tobytes())
    path = whole(tmp_path / "a.mhd", "CompressedData = True\n" + size.format(len(voxels)), voxels, data)
    np.testing.assert_array_equal(metaimage.read(path).voxels, VOXELS.transpose(2, 1, 0).reshape(5, 4, 3))


def test_compressed_voxels_at_the_end_of_their_file_are_found_by_their_size(tmp_path: Path) -> None:
    voxels = zlib.compress(VOXELS.tobytes())
    flags = "CompressedData = True\nHeaderSize = -1\n"
    path = whole(
        tmp_path / "a.mhd", f"{flags}CompressedDataSize = {len(voxels)}\n", b"before" + voxels, "a.zraw"
    )
    np.testing.assert_array_equal(metaimage.read(path).voxels, VOXELS.transpose(2, 1, 0).reshape(5, 4, 3))
    write_header(path, "a.zraw", size=flags)
    assert refusal(lambda: metaimage.read(path)) == (
        "error[E102]: a.mhd has HeaderSize = -1 and compressed voxels of no declared size; "
        "expected CompressedDataSize, to find where they begin. Convert it to plain MetaImage or NIfTI."
    )


def test_voxels_of_a_nifti_file_begin_where_that_says(tmp_path: Path) -> None:
    content = nib.Nifti1Image(VOXELS, np.eye(4)).to_bytes()
    path = whole(tmp_path / "a.mhd", "HeaderSize = -1\n", content[:-6], "a.nii")
    assert refusal(lambda: metaimage.read(path)) == (
        "error[E101]: a.nii has voxels from byte 352 by its own header; expected byte 346 as a.mhd declares. "
        "Copy both files again."
    )
    short = whole(tmp_path / "b.mhd", "HeaderSize = -1\n", bytes(50), "b.raw")
    assert refusal(lambda: metaimage.read(short)) == (
        "error[E101]: b.raw has 50 bytes of voxels; expected 120 as the header declares. Copy or export it again."
    )


@pytest.mark.parametrize("name", ["LIST", "", "..", "../a.raw", "/a.raw", "a\\\\b", "a%02d.raw", "a\0b"])
def test_voxels_lie_in_one_file_of_the_same_folder(name: str, tmp_path: Path) -> None:
    path = write_header(tmp_path / "a.mhd", name)
    assert refusal(lambda: metaimage.read(path)) == (
        f"error[E103]: a.mhd names the voxels {name!r}; expected a file in the same folder, or LOCAL. Convert it to .mha."
    )


def test_a_refusal_of_the_voxels_file_names_both(tmp_path: Path) -> None:
    path = write_header(tmp_path / "a.mhd", "a.raw")
    assert refusal(lambda: metaimage.read(path)) == (
        "error[E100]: a.raw is missing; expected the voxels of a.mhd. Copy both files."
    )
    write_header(path, "B.MHA").with_name("B.MHA").write_bytes(b"x")
    assert refusal(lambda: metaimage.read(path)) == (
        "error[E103]: a.mhd names a header, B.MHA, as its voxels; expected a file of voxels, or LOCAL. Convert it to .mha."
    )
    outside = write_voxels(tmp_path / "elsewhere" / "x.raw")
    write_header(tmp_path / "study" / "a.mhd", "a.raw").with_name("a.raw").symlink_to(outside)
    assert refusal(lambda: metaimage.read(tmp_path / "study" / "a.mhd")) == (
        "error[E103]: a.raw, the voxels of a.mhd, is a link out of its folder; expected a file in the same folder. "
        "Put the file itself in the place of the link."
    )
    assert refusal(lambda: metaimage.read(tmp_path / "none.mha")) == (
        "error[E100]: none.mha does not exist; expected a MetaImage. Check the path."
    )


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("data", ["LOCAL", "a.raw"])
def test_the_budget_is_for_voxels_and_their_real_values(
    data: str, compressed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voxels = zlib.compress(VOXELS.tobytes()) if compressed else VOXELS.tobytes()
    path = whole(tmp_path / "a.mhd", f"CompressedData = {compressed}\n", voxels, data)
    assert metaimage.read(path, budget_bytes=240).voxels.shape == (5, 4, 3)
    assert refusal(lambda: metaimage.read(path, budget_bytes=239)).startswith(
        "error[E401]: a.mhd declares or holds "
    )
    asked: list[int | None] = []

    def budget(n_stored: int | None = None) -> int:
        asked.append(n_stored)
        return 1 << 20

    monkeypatch.setattr(memory, "budget", budget)
    metaimage.read(path)
    stored = (path if data == "LOCAL" else path.with_name(data)).stat().st_size
    assert asked[0] == (stored if compressed else None)
    doubles = whole(tmp_path / "d.mhd", "", np.arange(60.0).tobytes(), data)
    doubles.write_bytes(doubles.read_bytes().replace(b"MET_SHORT", b"MET_DOUBLE"))
    assert metaimage.read(doubles, budget_bytes=480).voxels.dtype == np.float32
    assert "E401" in refusal(lambda: metaimage.read(doubles, budget_bytes=479))


def test_more_bytes_than_the_budget_are_not_read(tmp_path: Path) -> None:
    path = whole(tmp_path / "a.mhd", "CompressedData = True\n", bytes(300), "a.raw")
    assert refusal(lambda: metaimage.read(path, budget_bytes=299)).startswith(
        "error[E401]: a.raw declares or holds "
    )
    assert "E101" in refusal(lambda: metaimage.read(path, budget_bytes=300))


def test_options_reach_the_voxels_and_the_place(tmp_path: Path) -> None:
    path = whole(tmp_path / "a.mha")
    path.write_bytes(path.read_bytes().replace(b"Offset = 1 2 3\n", b""))
    assert "a.mha does not say how it lies" in refusal(lambda: metaimage.read(path))
    affine = metaimage.read(path, assume_orientation="RAS").affine
    np.testing.assert_allclose(affine @ [2, 1.5, 1, 1], [0, 0, 0, 1])
    numbers = np.zeros(60, np.float32)
    numbers[7] = np.nan
    path = whole(tmp_path / "b.mha", "", numbers.tobytes())
    path.write_bytes(path.read_bytes().replace(b"MET_SHORT", b"MET_FLOAT"))
    assert "b.mha has 1 voxels that are not finite, the first at (2, 1, 0)" in refusal(
        lambda: metaimage.read(path)
    )
    assert metaimage.read(path, nonfinite="zero").voxels.sum() == 0
    flat = whole(tmp_path / "c.mha")
    for kind, n_channels in (("MET_SHORT", 1), ("MET_UCHAR", 3)):
        more = f"ElementNumberOfChannels = {n_channels}\n"
        flat = whole(tmp_path / "c.mha", more, bytes(60 * (2 if n_channels == 1 else 3)))
        text = flat.read_bytes().replace(b"MET_SHORT", kind.encode())
        flat.write_bytes(text.replace(UPRIGHT.encode(), b"1 0 0 1 0 0 0 0 1"))
        assert refusal(lambda flat=flat: metaimage.read(flat)).startswith("error[E112]: c.mha: ")  # type: ignore[misc]
