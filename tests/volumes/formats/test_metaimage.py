"""MetaImage: voxels come from where the header may point, and its directions are directions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from transmodal.errors import InputError
from transmodal.volumes import io

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
