"""NIfTI headers that make no sense are refused; those that do say shape, type, scaling and first voxel."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from nifti_files import Change, saved, setter
from transmodal.errors import InputError, ResourceError
from transmodal.volumes import io
from transmodal.volumes.formats.nifti_header import HEADER_BYTES, first_voxel, read_layout, read_scaling


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (setter("scl_slope", np.inf), "E103"),
        (setter("dim", 0, 2), "E124"),
        (setter("dim", -4, 2), "E103"),
        (setter("dim", 12, 0), "E103"),
        (setter("datatype", 32), "E123"),
        (setter("datatype", 999), "E123"),
        (setter("magic", b"ni1"), "E102"),
    ],
)
def test_headers_that_make_no_sense_are_refused(change: Change, code: str, tmp_path: Path) -> None:
    for suffix in (".nii", ".nii.gz"):
        with pytest.raises(InputError) as refused:
            io.read(saved(tmp_path / f"bad{suffix}", change))
        assert refused.value.code.startswith(code)


@pytest.mark.parametrize(("kind", "offset"), [(nib.Nifti1Image, 352), (nib.Nifti2Image, 544)])
def test_the_layout_is_that_of_the_header(kind: type[nib.Nifti1Image], offset: int) -> None:
    start = kind(np.zeros((3, 4), ">f4"), np.eye(4)).to_bytes()[:HEADER_BYTES]
    layout = read_layout("a.nii", start, 1 << 20)
    assert (layout.shape, layout.dtype.kind, layout.offset, layout.n_bytes) == ((3, 4, 1), "f", offset, 48)


def test_a_layout_beyond_the_budget_is_refused() -> None:
    start = nib.Nifti1Image(np.zeros((30, 40, 50), np.int16), np.eye(4)).to_bytes()[:HEADER_BYTES]
    with pytest.raises(ResourceError) as refused:
        read_layout("a.nii", start, 1000)
    assert refused.value.code == "E401"


def test_a_cut_header_is_refused() -> None:
    start = nib.Nifti1Image(np.zeros((3, 4, 5), np.int16), np.eye(4)).to_bytes()
    with pytest.raises(InputError, match="ends after 347 bytes") as refused:
        read_layout("a.nii", start[:347], 1 << 20)
    assert refused.value.code == "E101"


def test_a_slope_of_0_is_none() -> None:
    header = nib.Nifti1Header()
    header["scl_slope"], header["scl_inter"] = 0, 7
    assert read_scaling("a.nii", header) == (1.0, 0.0)
    header["scl_slope"] = 0.5
    assert read_scaling("a.nii", header) == (0.5, 7.0)


def test_the_first_voxel_of_a_file_that_is_no_nifti_is_not_known(tmp_path: Path) -> None:
    assert first_voxel(saved(tmp_path / "a.nii", setter("vox_offset", 400))) == 400
    (tmp_path / "b.raw").write_bytes(b"voxels" * 100)
    assert first_voxel(tmp_path / "b.raw") is None
