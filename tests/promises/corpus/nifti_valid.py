"""NIfTI files that are whole and say one thing, however odd they look."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.nifti1 import Nifti1Extension

from promises.corpus.nifti_bytes import WHOLE
from promises.corpus.nifti_files import AFFINE, TRUTH, VOXELS, both, build, pack, setting
from promises.entries import Entry, Image, Write, put, valid

_RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])


def entries() -> Iterator[Entry]:
    """Yield the entries."""
    yield from valid("nifti", {**_types(), **_forms(), **_scalings(), **_shapes(), **_containers()})


def _types() -> dict[str, tuple[Write, Image]]:
    files: dict[str, tuple[Write, Image]] = {}
    for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "float32", "float64"):
        voxels = (VOXELS % 100).astype(name)
        suffixed, write = list(both(f"voxels of {name}", build(voxels=voxels)).items())[len(files) % 2]
        files[suffixed] = write, Image(voxels, AFFINE)
    swapped = nib.Nifti1Image(VOXELS, AFFINE, nib.Nifti1Header(endianness=">"))
    swapped.header.set_qform(AFFINE, 1)
    files["big-endian.nii"] = put("a.nii", swapped.to_bytes()), TRUTH
    return files


def _forms() -> dict[str, tuple[Write, Image]]:
    left, sheared, tiny, micro = (AFFINE.copy() for _ in range(4))
    left[:3, 2] *= -1
    sheared[0, 1] += 0.4
    tiny[:3] /= 1000
    micro[:3] /= 1000
    spacing = np.sqrt((sheared[:3, :3] ** 2).sum(axis=0))
    shear = setting(qform_code=0, pixdim={n + 1: spacing[n] for n in range(3)})
    changes = {
        "qform alone.nii": (setting(sform_code=0), AFFINE, AFFINE),
        "sform alone.nii": (setting(qform_code=0), AFFINE, AFFINE),
        "a left-handed qform.nii": (setting(sform_code=0), left, left),
        "coordinates of MNI.nii": (setting(sform_code=4, qform_code=0), AFFINE, AFFINE),
        "forms a thousandth of a mm apart.nii": (setting(qoffset_x=-10.001), AFFINE, AFFINE),
        "metres.nii": (setting(xyzt_units=1), tiny, AFFINE),
        "micrometres.nii": (setting(xyzt_units=3), AFFINE, micro),
        "a qfac of 0.nii": (setting(sform_code=0, pixdim={0: 0}), AFFINE, AFFINE),
        "shear in the sform.nii": (shear, sheared, sheared),
    }
    return {
        name: (put("a.nii", build(change, affine=stored)), Image(VOXELS, affine))
        for name, (change, stored, affine) in changes.items()
    }


def _scalings() -> dict[str, tuple[Write, Image]]:
    floats = VOXELS.astype(np.float32)
    changes = {
        "CT's slope": (setting(scl_slope=1, scl_inter=-1024), floats - 1024),
        "a slope of 0.01": (setting(scl_slope=0.01, scl_inter=0), floats * np.float32(0.01)),
        "a negative slope": (setting(scl_slope=-2, scl_inter=3), floats * -2 + 3),
        "a slope of 0 with an intercept": (setting(scl_slope=0, scl_inter=5), VOXELS),
        "a slope of no number": (setting(scl_slope=np.nan, scl_inter=5), VOXELS),
    }
    return {
        f"{name}.nii.gz": (put("a.nii.gz", pack(build(change))), Image(values, AFFINE))
        for name, (change, values) in changes.items()
    }


def _shapes() -> dict[str, tuple[Write, Image]]:
    colours = np.random.default_rng(5).integers(0, 255, (5, 6, 7, 3)).astype(np.uint8)
    structured = np.ascontiguousarray(colours).view(_RGB).reshape(5, 6, 7)
    single, flat = VOXELS[:1, :1, :1], VOXELS[:, :, 0]
    constant = np.full_like(VOXELS, 7)
    return {
        "one volume of a series.nii": (put("a.nii", build(voxels=VOXELS[..., None])), TRUTH),
        "one voxel.nii": (put("a.nii", build(voxels=single)), Image(single, AFFINE)),
        "two dimensions.nii": (put("a.nii", build(voxels=flat)), Image(flat[:, :, None], AFFINE)),
        "RGB.nii.gz": (put("a.nii.gz", pack(build(voxels=structured))), Image(colours, AFFINE)),
        "colour as a vector.nii": (
            put("a.nii", build(voxels=colours[:, :, :, None])),
            Image(colours, AFFINE),
        ),
        "one value throughout.nii": (put("a.nii", build(voxels=constant)), Image(constant, AFFINE)),
        "NIfTI-2.nii.gz": (put("a.nii.gz", pack(build(kind=nib.Nifti2Image))), TRUTH),
    }


def _containers() -> dict[str, tuple[Write, Image]]:
    extended = nib.Nifti1Image(VOXELS, AFFINE)
    extended.header.extensions.append(Nifti1Extension(6, b"a comment of some length"))
    named = zlib.compressobj(9, zlib.DEFLATED, -15)
    member = named.compress(WHOLE) + named.flush()
    with_name = b"\x1f\x8b\x08\x08\0\0\0\0\x02\x03name.nii\0" + member + pack(WHOLE)[-8:]
    middle = len(WHOLE) // 2
    files = {
        "an extension.nii": ("a.nii", extended.to_bytes()),
        "room before the voxels.nii": (
            "a.nii",
            build(setting(vox_offset=1024))[:352] + bytes(672) + WHOLE[352:],
        ),
        "two members.nii.gz": ("a.nii.gz", pack(WHOLE[:middle]) + pack(WHOLE[middle:])),
        "an empty first member.nii.gz": ("a.nii.gz", pack(b"") + pack(WHOLE)),
        "an empty last member.nii.gz": ("a.nii.gz", pack(WHOLE) + pack(b"")),
        "a name in the gzip header.nii.gz": ("a.nii.gz", with_name),
        "stored and not deflated.nii.gz": ("a.nii.gz", gzip.compress(WHOLE, 0, mtime=0)),
        "capital letters.NII.GZ": ("A.NII.GZ", pack(WHOLE)),
        "a name beyond ASCII.nii.gz": ("Müller scan 1 \u65e5.nii.gz", pack(WHOLE)),
    }
    written: dict[str, tuple[Write, Image]] = {
        name: (put(file_name, content), TRUTH) for name, (file_name, content) in files.items()
    }
    return {**written, "a link to a file.nii": (_write_link, TRUTH)}


def _write_link(folder: Path) -> Path:
    (folder / "b.nii").write_bytes(WHOLE)
    (folder / "a.nii").symlink_to("b.nii")
    return folder / "a.nii"
