"""DICOM files that cannot be read as slices: damaged ones are named, files of other kinds are passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicom_files import N_SLICES, series
from transmodal.errors import InputError
from transmodal.volumes import io

DAMAGES: dict[str, bytes | None] = {
    "zeros": b"\0" * 4000,
    "empty": b"",
    "page": b"<!DOCTYPE html><html><body>404</body></html>" * 9,
    "no preamble": None,
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("ending", ["", ".dcm"])
def test_a_damaged_end_slice_is_named(damage: str, ending: str, tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    for path in folder.iterdir():
        path.rename(folder / f"IM{path.stem}{ending}")
    last = folder / f"IM{N_SLICES:04d}{ending}"
    content = DAMAGES[damage]
    last.write_bytes(last.read_bytes()[132:] if content is None else content)
    with pytest.raises(InputError, match=rf"IM{N_SLICES:04d}.*beside {N_SLICES - 1} slices") as caught:
        io.read(folder)
    assert caught.value.code in ("E101", "E102")


def test_files_of_other_kinds_beside_slices_are_passed_over(tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    for name in (
        "DICOMDIR",
        "notes.txt",
        "t1.json",
        "report.pdf",
        "README",
        "VERSION",
        "index.html",
    ):
        (folder / name).write_text("something else")
    assert io.read(folder).voxels.shape == (6, 5, N_SLICES)


@pytest.mark.parametrize("ending", [".gz", ".part", ".bak"])
def test_slices_that_are_packed_or_half_there_are_named(ending: str, tmp_path: Path) -> None:
    folder = series(tmp_path / "s")
    (folder / "0006.dcm").rename(folder / f"0006.dcm{ending}")
    (folder / f"0006.dcm{ending}").write_bytes(b"\x1f\x8b\x08 something")
    with pytest.raises(InputError, match=rf"0006\.dcm\{ending}.*beside 5 slices"):
        io.read(folder)
