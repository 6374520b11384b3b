"""The mark of synthetic images in their headers, looked for without taking anything else from a header."""

from __future__ import annotations

from pathlib import Path

from transmodal.storage import listing, streams
from transmodal.volumes.formats.dicom.headers import read_headers
from transmodal.volumes.formats.dicom.slice_header import Slice
from transmodal.volumes.formats.nifti_header import HEADER_BYTES

MARK = b"SYNTHETIC"
"""Start of `descrip` in the NIfTI headers of synthetic images."""

_DESCRIP = {348: slice(148, 228), 540: slice(240, 320)}


def is_marked_synthetic(path: Path) -> bool:
    """Return whether an image's header says that no scanner measured it: `descrip` of NIfTI, SyntheticData of DICOM.

    Args:
        path: an image that can be read, or the folder of a DICOM series. Formats whose headers hold no mark have none.
    """
    if path.is_dir():
        headers = (header for header in read_headers(listing.files_in(path)) if isinstance(header, Slice))
        header = next(headers, None)
        return header is not None and _says_synthetic(header)
    name = path.name.lower()
    if not name.endswith((".nii", ".nii.gz")):
        return False
    with streams.guarded(path.name, "NIfTI file"):
        start = streams.head(streams.blocks(path, gzipped=name.endswith(".gz")), HEADER_BYTES)
    sizes = (int.from_bytes(start[:4], "little"), int.from_bytes(start[:4], "big"))
    return any(start[_DESCRIP[size]].startswith(MARK) for size in sizes if size in _DESCRIP)


def holds_only_synthetic(folder: Path) -> bool:
    """Return whether a folder holds nothing but DICOM files that say that they are synthetic.

    Raises:
        InputError, ResourceError: as `read_headers`.
    """
    paths = list(folder.iterdir())
    headers = list(read_headers(path for path in paths if path.is_file()))
    return len(headers) == len(paths) and all(
        isinstance(header, Slice) and _says_synthetic(header) for header in headers
    )


def is_synthetic_file(path: Path) -> bool:
    """Return whether a file is DICOM, of any kind, that says that it is synthetic.

    Raises:
        InputError, ResourceError: as `read_headers`.
    """
    headers = list(read_headers([path]))
    return len(headers) == 1 and isinstance(headers[0], Slice) and _says_synthetic(headers[0])


def _says_synthetic(header: Slice) -> bool:
    return str(header.dataset.get("SyntheticData", "")).strip() == "YES"
