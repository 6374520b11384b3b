"""NIfTI-1 and -2 in one file: a strict reader over nibabel, and a writer that reads back.

What is checked here and left unchecked elsewhere: the whole gzip stream to its checksum, the declared
against the present size before anything is allocated, raw `pixdim` and `scl` fields, sform against qform,
and voxels that are not finite.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, ResourceError, TransmodalError, UsageError
from transmodal.volumes.volume import Affine, Volume

BUDGET_BYTES = 4 << 30
"""A file may declare and hold as much, inflated."""

FORMS_TOLERANCE_MM = 0.05
"""sform and qform agree where no corner lies further apart: float32 quaternions are no more exact."""

_CHUNK = 1 << 22
_RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
_RGB_CODE = 128


def read(
    path: Path,
    *,
    nonfinite: Literal["refuse", "zero"] = "refuse",
    orientation_from: Literal["sform", "qform"] | None = None,
    assume_orientation: str | None = None,
    frame: int | None = None,
    budget_bytes: int = BUDGET_BYTES,
) -> Volume:
    """Read one volume in real-world values.

    Args:
        path: a `.nii` or `.nii.gz` file.
        nonfinite: refuse voxels that are NaN or infinite, or take them as 0.
        orientation_from: which form to believe where they disagree.
        assume_orientation: axis codes such as `RAS` for a file that does not say how it lies.
        frame: which volume of a series, from 0.
        budget_bytes: refuse files that declare or hold more.

    Raises:
        InputError: E101 truncated or corrupt, E102 no NIfTI, E103 a contradictory header, E110, E111,
            E112 for its place in space, E120 for voxels that are not finite, E121 for its dimensions,
            E123 for its voxel type, E124 without voxels.
        ResourceError: E401 beyond the budget.
    """
    try:
        data = _content(path, budget_bytes)
        header = _header(path, data)
        image = _image(path, data, header, budget_bytes)
        affine = _affine(path, header, _shape3(path, header), orientation_from, assume_orientation)
        voxels = _one_volume(path, image, header, frame)
        return Volume(_real(path, voxels, header, nonfinite), affine)
    except TransmodalError:
        raise
    except MemoryError as error:
        raise ResourceError(
            "E402", f"{path.name} does not fit into memory", "a smaller file", "Crop it."
        ) from error
    except Exception as error:  # nibabel raises nine classes for bad files
        raise InputError(
            "E101", f"{path.name} cannot be read ({error})", "a whole NIfTI file", "Copy or export it again."
        ) from error


def write(volume: Volume, path: Path, description: str = "") -> None:
    """Write a volume, uncompressed or gzipped by the name's ending; both forms say the same.

    float64 becomes float32, bool uint8, int64 int32 where it fits. Without shear sform and qform are
    both written; a sheared affine stands in the sform alone. Bytes depend on nothing but the volume.

    Raises:
        InputError: E123 for a voxel type that NIfTI cannot hold.
    """
    voxels = storable(volume.voxels, path.name)
    if volume.is_colour:
        voxels = np.ascontiguousarray(voxels).view(_RGB).reshape(voxels.shape[:3])
    image = nib.Nifti1Image(voxels, volume.affine, dtype=voxels.dtype)
    header = image.header
    header.set_sform(volume.affine, code=1)
    header.set_qform(volume.affine, code=0 if volume.grid.is_sheared else 1, strip_shears=True)
    header.set_xyzt_units("mm")
    header["descrip"] = description.encode("ascii", "replace")[:79]
    data = image.to_bytes()
    if path.name.endswith(".gz"):
        data = gzip.compress(data, compresslevel=4, mtime=0)
    path.write_bytes(data)


def storable(voxels: NDArray[Any], name: str) -> NDArray[Any]:
    """Return voxels in a type that files hold without loss.

    Raises:
        InputError: E123 when there is none.
    """
    if voxels.dtype == bool:
        return voxels.astype(np.uint8)
    if voxels.dtype in (np.float64, np.float16):
        return voxels.astype(np.float32)
    if voxels.dtype in (np.int64, np.uint64):
        narrow = voxels.astype(np.int32)
        if np.array_equal(narrow, voxels):
            return narrow
    if voxels.dtype.newbyteorder("=") in _TYPES:
        return voxels.astype(voxels.dtype.newbyteorder("="))
    raise InputError(
        "E123", f"{name}: voxels of type {voxels.dtype}", "integers up to 32 bits or floats", "Convert them."
    )


_TYPES = {np.dtype(name) for name in ("u1", "i1", "u2", "i2", "u4", "i4", "f4")}


def _content(path: Path, budget: int) -> bytes:
    """Return the file's bytes, inflated to the last one with its checksum."""
    gzipped = path.name.lower().endswith(".gz")
    with path.open("rb") as stream:
        magic = stream.read(2)
        stream.seek(0)
        if gzipped != (magic == b"\x1f\x8b"):
            raise InputError(
                "E102",
                f"{path.name} is {'not ' if gzipped else ''}gzipped",
                "content that its name promises",
                "Rename it or download it again.",
            )
        if not gzipped:
            _budgeted(path, path.stat().st_size, budget)
            return stream.read()
        return _inflated(path, stream.read, budget)


def _inflated(path: Path, read: Callable[[int], bytes], budget: int) -> bytes:
    inflater, parts, total = zlib.decompressobj(31), [], 0
    try:
        while chunk := inflater.unconsumed_tail or read(_CHUNK):
            if inflater.eof:
                break
            parts.append(inflater.decompress(chunk, _CHUNK))
            total += len(parts[-1])
            _budgeted(path, total, budget)
    except zlib.error as error:
        raise InputError(
            "E101",
            f"{path.name} is corrupt after {total} bytes ({error})",
            "a gzip stream whose checksum holds",
            "Copy or download the file again.",
        ) from error
    if not inflater.eof:
        raise InputError(
            "E101",
            f"{path.name} ends after {total} bytes",
            "a whole gzip stream",
            "Copy or download it again.",
        )
    if inflater.unused_data or read(1):
        raise InputError(
            "E101", f"{path.name} has bytes after its gzip stream", "one gzip stream", "Export it again."
        )
    return b"".join(parts)


def _budgeted(path: Path, size: int, budget: int) -> None:
    if size > budget:
        raise ResourceError(
            "E401",
            f"{path.name} holds {size / 2**30:.2f} GiB or more",
            f"at most {budget / 2**30:.2f} GiB",
            "Crop it, or check that it is what you think it is.",
        )


def _header(path: Path, data: bytes) -> Any:  # noqa: ANN401 - nibabel is not typed
    size = int.from_bytes(data[:4], "little"), int.from_bytes(data[:4], "big")
    kinds = {348: nib.Nifti1Header, 540: nib.Nifti2Header}
    found = next((one for one in size if one in kinds), None)
    if found is None or len(data) < found:
        raise InputError(
            "E102", f"{path.name} has no NIfTI header", "a NIfTI-1 or -2 file", "Check the file."
        )
    header: Any = kinds[found](data[:found], check=False)  # type: ignore[no-untyped-call]  # nibabel
    magic = bytes(header["magic"].tobytes())
    if not magic.startswith((b"n+1", b"n+2")):
        raise InputError(
            "E102",
            f"{path.name} has the magic {magic[:3]!r}",
            "header and voxels in one file (n+1 or n+2)",
            "Convert .hdr/.img pairs to .nii.",
        )
    return header


def _image(path: Path, data: bytes, header: Any, budget: int) -> NDArray[Any]:  # noqa: ANN401
    """Return the raw voxels `(i, j, k, ...)` as a view of the bytes."""
    shape = _shape(path, header)
    dtype = _dtype(path, header)
    start = _offset(path, header)
    needed = int(np.prod([int(n) for n in shape], dtype=object)) * dtype.itemsize
    _budgeted(path, needed, budget)
    if start + needed != len(data) and not 0 <= len(data) - start - needed < 16:
        raise InputError(
            "E101",
            f"{path.name} has {max(len(data) - start, 0)} bytes of voxels",
            f"{needed} as its header declares",
            "Copy or export it again.",
        )
    flat = np.frombuffer(data, dtype=dtype, count=int(np.prod(shape)), offset=start)
    return flat.reshape(shape, order="F")


def _offset(path: Path, header: Any) -> int:  # noqa: ANN401
    offset = float(header["vox_offset"])
    if not np.isfinite(offset) or offset < int(header["sizeof_hdr"]) or offset != int(offset):
        raise InputError(
            "E103",
            f"{path.name}: voxels from byte {offset:g}",
            "a place behind the header",
            "Export it again.",
        )
    return int(offset)


def _shape(path: Path, header: Any) -> tuple[int, ...]:  # noqa: ANN401
    n_dims = int(header["dim"][0])
    sides = [int(n) for n in header["dim"][1 : n_dims + 1]] if 1 <= n_dims <= 7 else []
    if not sides or any(side < 0 for side in sides):
        raise InputError(
            "E103", f"{path.name} declares dim {header['dim'].tolist()}", "1 to 7 sides", "Export it again."
        )
    if 0 in sides:
        raise InputError("E124", f"{path.name} has the shape {sides}", "voxels on every axis", "Check it.")
    return tuple(sides + [1] * (3 - len(sides)))


def _shape3(path: Path, header: Any) -> tuple[int, int, int]:  # noqa: ANN401
    i, j, k = _shape(path, header)[:3]
    return i, j, k


def _dtype(path: Path, header: Any) -> np.dtype[Any]:  # noqa: ANN401
    code = int(header["datatype"])
    try:
        dtype: np.dtype[Any] = header.get_data_dtype()
    except Exception as error:
        raise InputError(
            "E123", f"{path.name} has the voxel type {code}", "integers, floats or RGB", "Convert it."
        ) from error
    if code == _RGB_CODE or dtype.kind in "iuf":
        return dtype
    raise InputError("E123", f"{path.name} has voxels of {dtype}", "integers, floats or RGB", "Convert it.")


def _affine(
    path: Path,
    header: Any,  # noqa: ANN401
    shape: tuple[int, int, int],
    orientation_from: str | None,
    assume_orientation: str | None,
) -> Affine:
    zooms = np.array(header["pixdim"][1:4], dtype=float)
    if not np.isfinite(zooms).all() or (zooms <= 0).any():
        raise InputError(
            "E103", f"{path.name} has pixdim {zooms.tolist()}", "positive spacings", "Export it again."
        )
    sform = header.get_sform() if int(header["sform_code"]) > 0 else None
    qform = _qform(path, header)
    if orientation_from is not None:
        chosen = {"sform": sform, "qform": qform}[orientation_from]
        if chosen is None:
            raise UsageError(
                "E004",
                f"{path.name} has no {orientation_from}",
                "a form that is coded",
                "Take the other one.",
            )
        return np.asarray(chosen, float)
    if sform is None and qform is None:
        return _assumed(path, zooms, shape, assume_orientation)
    if sform is not None and qform is not None:
        _agree(path, sform, qform, shape)
    return np.asarray(sform if sform is not None else qform, float)


def _qform(path: Path, header: Any) -> Affine | None:  # noqa: ANN401
    if int(header["qform_code"]) <= 0:
        return None
    if float(header["pixdim"][0]) not in (-1.0, 0.0, 1.0):
        raise InputError(
            "E103", f"{path.name} has qfac {float(header['pixdim'][0]):g}", "1 or -1", "Export it again."
        )
    return np.asarray(header.get_qform(), float)


def _agree(path: Path, sform: Affine, qform: Affine, shape: tuple[int, int, int]) -> None:
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape])).reshape(3, -1)
    difference = (sform - qform)[:3, :3] @ corners + (sform - qform)[:3, 3:]
    apart = float(np.abs(difference).max()) if np.isfinite(difference).all() else np.inf
    extent = float(np.abs(qform[:3, :3] @ (np.array(shape) - 1)).max())
    if apart > max(FORMS_TOLERANCE_MM, 1e-4 * extent):
        raise InputError(
            "E110",
            f"{path.name}: the corners of sform and qform lie up to {apart:.3g} mm apart",
            "one place in space",
            "Say which to believe: --orientation-from sform or qform.",
        )


def _assumed(
    path: Path, zooms: NDArray[np.float64], shape: tuple[int, int, int], orientation: str | None
) -> Affine:
    if orientation is None:
        raise InputError(
            "E111",
            f"{path.name} does not say how it lies (sform and qform are not coded)",
            "a coded sform or qform",
            "Say it: --assume-orientation RAS (or what is true).",
        )
    try:
        codes = nib.orientations.axcodes2ornt(tuple(orientation.upper()))
        turned = nib.orientations.inv_ornt_aff(codes, shape)
    except Exception as error:
        raise UsageError(
            "E001", f"orientation {orientation!r}", "three letters such as RAS", "Correct it."
        ) from error
    # inv_ornt_aff maps reoriented (RAS) indices to stored ones; its inverse times the spacing is the affine.
    affine = np.linalg.inv(turned)
    affine[:3] = np.diag((affine[:3, :3] != 0) @ zooms) @ affine[:3]
    return np.asarray(affine, float)


def _one_volume(path: Path, image: NDArray[Any], header: Any, frame: int | None) -> NDArray[Any]:  # noqa: ANN401
    """Return `(I, J, K)` or `(I, J, K, 3)` raw voxels."""
    if int(header["datatype"]) == _RGB_CODE:
        if image.size != int(np.prod(image.shape[:3])):
            raise _several(path, image.shape)
        return np.stack([image[name].reshape(image.shape[:3]) for name in "RGB"], axis=-1)
    if image.ndim == 5 and image.shape[3:] == (1, 3) and image.dtype == np.uint8:
        return image[:, :, :, 0, :]
    n_frames = int(np.prod(image.shape[3:]))
    frames = image.reshape(*image.shape[:3], n_frames, order="F")
    if frame is None:
        if n_frames > 1:
            raise _several(path, image.shape)
        return frames[..., 0]
    if not 0 <= frame < n_frames:
        raise UsageError(
            "E001", f"frame {frame} of {path.name}", f"0 to {n_frames - 1}", "Choose one that is there."
        )
    return frames[..., frame]


def _several(path: Path, shape: tuple[int, ...]) -> InputError:
    return InputError(
        "E121",
        f"{path.name} has the shape {shape}",
        "one volume",
        "Choose one with --frame N, or split the series.",
    )


def _real(
    path: Path,
    voxels: NDArray[Any],
    header: Any,  # noqa: ANN401
    nonfinite: Literal["refuse", "zero"],
) -> NDArray[Any]:
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    scaled = slope not in (0.0,) and not np.isnan(slope)
    if scaled and not np.isfinite([slope, inter]).all():
        raise InputError(
            "E103", f"{path.name} has scl_slope {slope:g}, scl_inter {inter:g}", "numbers", "Export it again."
        )
    voxels = voxels.astype(voxels.dtype.newbyteorder("="))
    if voxels.ndim == 3 and scaled and (slope, inter) != (1.0, 0.0):
        voxels = (voxels.astype(np.float64) * slope + inter).astype(np.float32)
    if voxels.dtype in (np.float64, np.float16) or voxels.dtype.itemsize > 8:
        voxels = voxels.astype(np.float32)
    if voxels.dtype in (np.int64, np.uint64):
        voxels = storable(voxels, path.name)
    if voxels.dtype.kind == "f":
        voxels = finite(voxels, path.name, nonfinite)
    return np.ascontiguousarray(voxels)


def finite(voxels: NDArray[Any], name: str, nonfinite: Literal["refuse", "zero"]) -> NDArray[Any]:
    """Return voxels that are all finite.

    Raises:
        InputError: E120 with their number and the first, unless they are taken as 0.
    """
    bad = ~np.isfinite(voxels)
    count = int(bad.sum())
    if count == 0:
        return voxels
    if nonfinite == "zero":
        return np.where(bad, voxels.dtype.type(0), voxels)
    first = tuple(int(index) for index in np.argwhere(bad)[0])
    raise InputError(
        "E120",
        f"{name} has {count} voxels that are not finite, the first at {first}",
        "numbers",
        "Repair it, or take them as 0: --nonfinite zero.",
    )
