"""NIfTI headers that make no sense are refused; those that do say shape, type, scaling and first voxel."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from nifti_files import Change, saved, setter
from refusals import refusal
from transmodal.errors import InputError, ResourceError
from transmodal.volumes import io
from transmodal.volumes.formats.nifti_header import (
    HEADER_BYTES,
    RGB,
    check_form_codes,
    first_voxel,
    read_layout,
    read_scaling,
)
from transmodal.volumes.volume import Affine

EXPORT = "Export it again."
AFFINE: Affine = np.diag([2.0, 2.0, 2.0, 1.0])


def start_of(change: Change, kind: type[nib.Nifti1Image] = nib.Nifti1Image) -> bytes:
    """Return the first bytes of a file whose raw header was changed."""
    image = kind(np.zeros((3, 4, 5), np.int16), AFFINE)
    header = type(image.header)(image.to_bytes()[: int(image.header["sizeof_hdr"])], check=False)
    change(header)
    return (bytes(header.binaryblock) + bytes(16)).ljust(HEADER_BYTES, b"\0")


def combined(*changes: Change) -> Change:
    def change(header: object) -> None:
        for part in changes:
            part(header)

    return change


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


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            setter("dim", 0, 0),
            f"error[E103]: a.nii declares dim [0, 3, 4, 5, 1, 1, 1, 1]; expected 1 to 7 sides. {EXPORT}",
        ),
        (
            setter("dim", 8, 0),
            f"error[E103]: a.nii declares dim [8, 3, 4, 5, 1, 1, 1, 1]; expected 1 to 7 sides. {EXPORT}",
        ),
        (
            setter("dim", -1, 3),
            f"error[E103]: a.nii declares dim [3, 3, 4, -1, 1, 1, 1, 1]; expected 1 to 7 sides. {EXPORT}",
        ),
        (
            setter("dim", 0, 3),
            "error[E124]: a.nii has the shape [3, 4, 0]; expected voxels on every axis. Check it.",
        ),
        (
            setter("datatype", 999),
            "error[E123]: a.nii has the voxel type 999; expected integers, floats of 16 to 64 bits, or RGB. Convert it.",
        ),
        (
            setter("datatype", 32),
            "error[E123]: a.nii has voxels of complex64; expected integers, floats of 16 to 64 bits, or RGB. Convert it.",
        ),
        (
            setter("bitpix", 8),
            f"error[E103]: a.nii has bitpix 8 and the voxel type 4; expected 16 bits. {EXPORT}",
        ),
        (
            setter("datatype", 128),
            f"error[E103]: a.nii has bitpix 16 and the voxel type 128; expected 24 bits. {EXPORT}",
        ),
        (
            setter("vox_offset", 351),
            f"error[E103]: a.nii: voxels from byte 351; expected a whole number from 352. {EXPORT}",
        ),
        (
            setter("vox_offset", 352.5),
            f"error[E103]: a.nii: voxels from byte 352.5; expected a whole number from 352. {EXPORT}",
        ),
        (
            setter("vox_offset", np.inf),
            f"error[E103]: a.nii: voxels from byte inf; expected a whole number from 352. {EXPORT}",
        ),
        (
            setter("magic", b"ni1"),
            "error[E102]: a.nii has the magic b'ni1'; expected header and voxels in one file (n+1 or n+2). "
            "Convert .hdr/.img pairs to .nii.",
        ),
        (
            setter("sizeof_hdr", 347),
            "error[E102]: a.nii has no NIfTI header; expected a NIfTI-1 or -2 file. Check the file.",
        ),
    ],
)
def test_a_refusal_says_which_field_it_is_and_what_would_do(change: Change, line: str) -> None:
    assert refusal(lambda: read_layout("a.nii", start_of(change), 1 << 20)) == line


def test_a_refusal_of_the_second_format_says_its_magic_and_its_first_voxel() -> None:
    of = nib.Nifti2Image
    assert refusal(lambda: read_layout("a.nii", start_of(setter("magic", b"n+1"), of), 1 << 20)).startswith(
        "error[E102]: a.nii has the magic b'n+1';"
    )
    assert refusal(lambda: read_layout("a.nii", start_of(setter("vox_offset", 543), of), 1 << 20)) == (
        f"error[E103]: a.nii: voxels from byte 543; expected a whole number from 544. {EXPORT}"
    )
    start = start_of(setter("vox_offset", 544), of)
    assert refusal(lambda: read_layout("a.nii", start[:539], 1 << 20)) == (
        "error[E101]: a.nii ends after 539 bytes; expected a whole header. Copy or export it again."
    )
    assert read_layout("a.nii", start[:540], 1 << 20).offset == 544
    for changed in (start[:8] + b"\0" + start[9:], start[:11] + b"\0" + start[12:]):
        assert "E102" in refusal(lambda changed=changed: read_layout("a.nii", changed, 1 << 20))  # type: ignore[misc]


@pytest.mark.parametrize("start", [b"", b"\x5c", b"\x5d\x01\0\0" + bytes(600)])
def test_a_start_of_any_length_that_is_no_header_is_refused(start: bytes) -> None:
    assert refusal(lambda: read_layout("a.nii", start, 1 << 20)) == (
        "error[E102]: a.nii has no NIfTI header; expected a NIfTI-1 or -2 file. Check the file."
    )


@pytest.mark.parametrize(
    ("sides", "shape"),
    [
        ([1, 6], (6, 1, 1)),
        ([2, 6, 5], (6, 5, 1)),
        ([5, 6, 5, 4, 3, 2], (6, 5, 4, 3, 2)),
        ([7, 2, 1, 1, 1, 1, 1, 2], (2, 1, 1, 1, 1, 1, 2)),
    ],
)
def test_one_to_seven_sides_are_those_of_the_voxels(sides: list[int], shape: tuple[int, ...]) -> None:
    start = start_of(setter("dim", sides + [1] * (8 - len(sides))))
    assert read_layout("a.nii", start, 1 << 20).shape == shape


@pytest.mark.parametrize(
    ("code", "bits", "dtype"),
    [
        (2, 8, "u1"),
        (4, 16, "i2"),
        (8, 32, "i4"),
        (16, 32, "f4"),
        (64, 64, "f8"),
        (1024, 64, "i8"),
        (128, 24, RGB),
    ],
)
def test_types_of_voxels(code: int, bits: int, dtype: str | np.dtype[np.void]) -> None:
    layout = read_layout(
        "a.nii", start_of(combined(setter("datatype", code), setter("bitpix", bits))), 1 << 20
    )
    assert layout.dtype == np.dtype(dtype)
    assert layout.n_bytes == 60 * bits // 8
    assert RGB.fields is not None
    assert [(name, str(RGB[name]), RGB.fields[name][1]) for name in RGB.names or ()] == [
        ("R", "uint8", 0),
        ("G", "uint8", 1),
        ("B", "uint8", 2),
    ]


@pytest.mark.parametrize(
    ("change", "n_bytes"),
    [
        (setter("vox_offset", 352), 352 + 120),
        (setter("vox_offset", 1000), 1120),
        (setter("dim", [3, 30, 40, 50, 1, 1, 1, 1]), 4 * 60_000),  # as real values
    ],
)
def test_the_budget_is_for_the_file_and_for_its_real_values(change: Change, n_bytes: int) -> None:
    assert read_layout("a.nii", start_of(change), n_bytes).offset >= 352
    assert refusal(lambda: read_layout("a.nii", start_of(change), n_bytes - 1)).startswith(
        "error[E401]: a.nii declares or holds "
    )


@pytest.mark.parametrize(
    ("slope", "intercept", "shown"),
    [
        (np.inf, 0, "scl_slope inf, scl_inter 0"),
        (-np.inf, 1, "scl_slope -inf, scl_inter 1"),
        (1, np.nan, "scl_slope 1, scl_inter nan"),
        (2.5, np.inf, "scl_slope 2.5, scl_inter inf"),
    ],
)
def test_scaling_that_is_no_number_is_refused(slope: float, intercept: float, shown: str) -> None:
    header = nib.Nifti1Header()
    header["scl_slope"], header["scl_inter"] = slope, intercept
    assert refusal(lambda: read_scaling("a.nii", header)) == (
        f"error[E103]: a.nii has {shown}; expected numbers. {EXPORT}"
    )


def test_a_slope_that_is_none_leaves_the_intercept_unread() -> None:
    header = nib.Nifti1Header()
    for slope in (0, np.nan):
        header["scl_slope"], header["scl_inter"] = slope, np.inf
        assert read_scaling("a.nii", header) == (1.0, 0.0)
    header["scl_slope"], header["scl_inter"] = -1, 0
    assert read_scaling("a.nii", header) == (-1.0, 0.0)


@pytest.mark.parametrize("form", ["sform", "qform"])
def test_codes_of_forms_end_at_5(form: str) -> None:
    other = "qform" if form == "sform" else "sform"
    header = nib.Nifti1Header()
    header[f"{form}_code"] = 5
    check_form_codes("a.nii", header, None)
    header[f"{form}_code"] = 6
    line = (
        f"error[E103]: a.nii has the {form}_code 6; expected 0 to 5, as the format defines them. "
        "Say which form to believe: --orientation-from sform or --orientation-from qform."
    )
    assert refusal(lambda: check_form_codes("a.nii", header, None)) == line
    check_form_codes("a.nii", header, form)
    assert refusal(lambda: check_form_codes("a.nii", header, other)) == line  # which is not coded
    header[f"{other}_code"] = 1
    check_form_codes("a.nii", header, other)


def test_the_first_voxel_of_either_format_is_known(tmp_path: Path) -> None:
    for kind, offset in ((nib.Nifti1Image, 352), (nib.Nifti2Image, 544)):
        path = tmp_path / "a.nii"
        path.write_bytes(kind(np.zeros((3, 4, 5), np.int16), AFFINE).to_bytes())
        assert first_voxel(path) == offset
    path.write_bytes(b"")
    assert first_voxel(path) is None
