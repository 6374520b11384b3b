"""NIfTI files whose header contradicts itself, makes no sense, or leaves open how the image lies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import nibabel as nib
import numpy as np

from promises.corpus.nifti_files import AFFINE, TRUTH, VOXELS, Change, both, build, pack, setting
from promises.entries import Entry, Faulty, Image, faulty, put

FLOATS = VOXELS.astype(np.float32)


def entries() -> Iterator[Entry]:
    """Yield the entries."""
    yield from faulty("nifti", "dimensions", {**_headers(_DIMS), **_series()})
    yield from faulty("nifti", "voxel type", {**_headers(_TYPES), **_wide_types()})
    yield from faulty("nifti", "first voxel", _headers(_OFFSETS, TRUTH))
    yield from faulty("nifti", "scaling", {**_headers(_SCALINGS), **_scaled_colour()})
    yield from faulty("nifti", "magic", _headers(_MAGICS, TRUTH))
    yield from faulty("nifti", "forms disagree", _headers(_DISAGREEMENTS))
    yield from faulty("nifti", "no orientation", _headers(_UNPLACED))
    yield from faulty("nifti", "spacing or unit", _headers(_SPACINGS))
    yield from faulty("nifti", "affine", {**_headers(_AFFINES), **_wide_affines()})
    yield from faulty("nifti", "voxels not finite", _holes())
    yield from faulty("nifti", "declares too much", _bombs())


Table = Mapping[str, tuple[Change, str]]

_DIMS: Table = {
    "no dimension": (setting(dim={0: 0}), "E103"),
    "eight dimensions": (setting(dim={0: 8}), "E103"),
    "a negative number of dimensions": (setting(dim={0: -1}), "E103"),
    "a side of 0": (setting(dim={1: 0}), "E124"),
    "a negative side": (setting(dim={2: -4}), "E103"),
    "a side too long": (setting(dim={3: 8}), "E101"),
    "a side too short": (setting(dim={3: 6}), "E101"),
    "two dimensions of three": (setting(dim={0: 2}), "E101"),
    "four dimensions of no volume": (setting(dim={0: 4, 4: 0}), "E124"),
    "sides exchanged beyond the data": (setting(dim={1: 6, 2: 6}), "E101"),
}
_TYPES: Table = {
    "complex voxels": (setting(datatype=32, bitpix=64), "E123"),
    "voxels of one bit": (setting(datatype=1, bitpix=1), "E123"),
    "an unknown type": (setting(datatype=999), "E123"),
    "no type": (setting(datatype=0), "E123"),
    "RGBA": (setting(datatype=2304, bitpix=32), "E123"),
    "floats of 128 bits": (setting(datatype=1536, bitpix=128), "E123"),
    "bitpix 0": (setting(bitpix=0), "E103"),
    "bitpix 8 of int16": (setting(bitpix=8), "E103"),
    "float32 of 16 bits": (setting(datatype=16), "E103"),
    "bytes of 16 bits": (setting(datatype=2), "E103"),
}
_OFFSETS: Table = {
    "voxels from byte 0": (setting(vox_offset=0), "E103"),
    "voxels from within the header": (setting(vox_offset=100), "E103"),
    "voxels from the header's last bytes": (setting(vox_offset=348), "E103"),
    "voxels from half a byte": (setting(vox_offset=352.5), "E103"),
    "voxels from a negative byte": (setting(vox_offset=-352), "E103"),
    "voxels from no number": (setting(vox_offset=np.nan), "E103"),
    "voxels from infinity": (setting(vox_offset=np.inf), "E103"),
    "voxels from behind the end": (setting(vox_offset=4096), "E101"),
    "voxels 16 bytes late": (setting(vox_offset=368), "E101"),
}
_SCALINGS: Table = {
    "slope of infinity": (setting(scl_slope=np.inf), "E103"),
    "slope of minus infinity": (setting(scl_slope=-np.inf), "E103"),
    "intercept of infinity": (setting(scl_slope=1, scl_inter=np.inf), "E103"),
    "intercept of no number": (setting(scl_slope=2, scl_inter=np.nan), "E103"),
    "slope beyond float32": (setting(scl_slope=3e38), "E103"),
}
_MAGICS: Table = {
    "magic of a pair": (setting(magic=b"ni1"), "E102"),
    "no magic": (setting(magic=b""), "E102"),
    "magic of version 3": (setting(magic=b"n+3"), "E102"),
    "a header of 349 bytes": (setting(sizeof_hdr=349), "E102"),
    "a header of no bytes": (setting(sizeof_hdr=0), "E102"),
    "a header of 540 bytes": (setting(sizeof_hdr=540), "E102"),
    "size in the other byte order": (setting(sizeof_hdr=1543569408), "E102 E103 E121 E123 E124"),
}
_DISAGREEMENTS: Table = {
    "forms of two spacings": (setting(srow_z=[0, 0, 2.5, 33]), "E110"),
    "forms of two sides": (setting(srow_x=[-0.88, -0.2287, 0, -10]), "E110"),
    "forms of two places": (setting(qoffset_x=0), "E110"),
    "forms turned": (setting(quatern_d=0.4), "E110"),
    "forms of two hands": (setting(pixdim={0: -1}), "E110"),
    "sform and pixdim": (setting(qform_code=0, pixdim={1: 1, 2: 1, 3: 1}), "E110"),
    "sform without a spacing": (setting(srow_x=[0, 0, 0, 0], srow_y=[0, 0, 0, 0]), "E110"),
}
_UNPLACED: Table = {
    "no form": (setting(sform_code=0, qform_code=0), "E111"),
    "negative codes": (setting(sform_code=-1, qform_code=-2), "E111"),
    "Analyze's pixdim alone": (setting(sform_code=0, qform_code=0, pixdim={0: 0}), "E111"),
}
_SPACINGS: Table = {
    "negative spacing": (setting(pixdim={1: -0.9}), "E103"),
    "negative spacing of a qform": (setting(sform_code=0, pixdim={3: -3}), "E103"),
    "spacing of 0": (setting(pixdim={2: 0}), "E103"),
    "spacing of no number": (setting(pixdim={3: np.nan}), "E103"),
    "spacing of infinity": (setting(pixdim={3: np.inf}), "E103"),
    "an unknown unit": (setting(xyzt_units=5), "E103"),
    "a qfac of 0.5": (setting(pixdim={0: 0.5}), "E103"),
    "a qform of an unknown code": (setting(sform_code=0, qform_code=33), "E103"),
    "an sform of an unknown code": (setting(sform_code=6), "E103"),
    "a quaternion too long": (setting(sform_code=0, quatern_b=2), "E103"),
    "a quaternion of no number": (setting(sform_code=0, quatern_b=np.nan), "E103 E112"),
}
_ONLY = {"qform_code": 0}
_AFFINES: Table = {
    "affine of no number": (setting(srow_x=[np.nan, 0, 0, 0], **_ONLY), "E110 E112"),
    "affine of infinity": (setting(srow_y=[0, np.inf, 0, 0], **_ONLY), "E110 E112"),
    "place of no number": (setting(srow_z=[0, 0, 3, np.nan], **_ONLY), "E112"),
    "an origin of 1e30": (setting(srow_z=[0, 0, 3, 1e30], **_ONLY), "E112"),
    "a flat affine": (setting(srow_x=[0.9, 0, 0, 0], srow_y=[0, 1.1, 3, 0], srow_z=[0, 0, 0, 0], **_ONLY), "E112"),
    "two axes alike": (
        setting(srow_x=[1, 1, 0, 0], srow_y=[1, 1, 0, 0], srow_z=[0, 0, 1, 0],
                pixdim={1: 2**0.5, 2: 2**0.5, 3: 1}, **_ONLY),
        "E112",
    ),
    "a qform at no number": (setting(sform_code=0, qoffset_x=np.nan), "E112"),
    "a qform at 1e30": (setting(sform_code=0, qoffset_x=1e30), "E112"),
}  # fmt: skip


def _headers(table: Table, truth: object = None) -> dict[str, Faulty]:
    """Return the faults of a table, plain and gzipped in turn, so that both paths meet each kind."""
    faults = {}
    for number, (name, (change, codes)) in enumerate(table.items()):
        suffixed, write = list(both(name, build(change)).items())[number % 2]
        faults[suffixed] = Faulty(write, codes, truth)
    return faults


def _series() -> dict[str, Faulty]:
    stack = np.stack([VOXELS, VOXELS + 1, VOXELS + 2], axis=-1)
    return {
        "three volumes.nii.gz": Faulty(put("a.nii.gz", pack(build(voxels=stack))), "E121"),
        "three volumes in five dimensions.nii": Faulty(
            put("a.nii", build(voxels=stack[:, :, :, None])), "E121"
        ),
        "a vector of floats.nii.gz": Faulty(
            put("a.nii.gz", pack(build(voxels=stack.astype(np.float32)[:, :, :, None]))), "E121"
        ),
        "seven dimensions.nii": Faulty(put("a.nii", build(voxels=stack[..., None, None, None, :2])), "E121"),
    }


def _scaled_colour() -> dict[str, Faulty]:
    """Return colours as a vector of bytes that are to be scaled: some readers do so, others do not."""
    colours = np.arange(630, dtype=np.uint8).reshape(5, 6, 7, 1, 3)
    faults = {}
    for name, fields in (("slope", {"scl_slope": 2.0}), ("intercept", {"scl_slope": 1.0, "scl_inter": 5.0})):
        for suffixed, write in both(
            f"colours with a {name}", build(setting(**fields), voxels=colours)
        ).items():
            faults[suffixed] = Faulty(write, "E103")
    return faults


def _wide_types() -> dict[str, Faulty]:
    whole, real = VOXELS.astype(np.int64), VOXELS.astype(np.float64)
    return {
        "int64 beyond int32.nii": Faulty(put("a.nii", build(voxels=whole * 2**40)), "E123"),
        "uint64 beyond all.nii.gz": Faulty(
            put("a.nii.gz", pack(build(voxels=np.full_like(whole, 2**63, dtype=np.uint64)))), "E123"
        ),
        "float64 beyond float32.nii": Faulty(put("a.nii", build(voxels=real * 1e300)), "E123"),
    }


def _wide_affines() -> dict[str, Faulty]:
    """Return affines in double precision, which NIfTI-2 has."""
    faults = {}
    for number in (1e160, 1e300):
        affine = AFFINE.copy()
        affine[0, 0] = number
        plain = build(setting(srow_x=[number, 0, 0, 0], qform_code=0), kind=nib.Nifti2Image)
        faults[f"a step of {number:g}.nii"] = Faulty(put("a.nii", plain), "E110 E112")
        spaced = build(
            setting(srow_x=[number, 0, 0, 0], qform_code=0, pixdim={1: number}), kind=nib.Nifti2Image
        )
        faults[f"a step and a spacing of {number:g}.nii.gz"] = Faulty(
            put("a.nii.gz", pack(spaced)), "E110 E112"
        )
    return faults


def _holes() -> dict[str, Faulty]:
    faults = {}
    for name, number in (("NaN", np.nan), ("Inf", np.inf), ("-Inf", -np.inf)):
        voxels = FLOATS.copy()
        voxels[2, 3, 4] = number
        for suffixed, write in both(f"one voxel {name}", build(voxels=voxels)).items():
            faults[suffixed] = Faulty(write, "E120", Image(voxels, AFFINE))
    nothing = np.full_like(FLOATS, np.nan)
    some = np.where(FLOATS > 0, FLOATS, np.float32(np.nan))
    scaled = pack(build(setting(scl_slope=2.0), voxels=some))
    return {
        **faults,
        "all voxels NaN.nii": Faulty(put("a.nii", build(voxels=nothing)), "E120", Image(nothing, AFFINE)),
        "NaN behind a slope.nii.gz": Faulty(put("a.nii.gz", scaled), "E120", Image(some * 2, AFFINE)),
    }


def _bombs() -> dict[str, Faulty]:
    faults = {}
    huge = build(setting(dim=[3, 30000, 30000, 30000, 1, 1, 1, 1]))
    wider = build(setting(dim=[3, 2**40, 2**40, 1, 1, 1, 1, 1]), kind=nib.Nifti2Image)
    wrapped = build(setting(dim=[3, 2**32, 2**32, 7, 1, 1, 1, 1]), kind=nib.Nifti2Image)
    for name, content in (("54 TB", huge), ("2^80 voxels", wider), ("a product of 0 in 64 bits", wrapped)):
        for suffixed, write in both(f"declares {name}", content).items():
            faults[suffixed] = Faulty(write, "E401")
    return faults
