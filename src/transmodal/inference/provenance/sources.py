"""Sources of a synthetic image as its sidecar names them: by hashes, since names of files and folders can be a patient's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transmodal.storage import files, listing


def describe(path: Path) -> dict[str, Any]:
    """Return a source's SHA-256; of a folder of DICOM files their number and one hash over theirs.

    Raises:
        InputError: E100 when there is no such file.
        ResourceError: E403 when it may not be read.
    """
    if path.is_dir():
        hashes = sorted(map(files.sha256_file, listing.files_in(path)))
        return {"name": "DICOM series", "n_files": len(hashes), "sha256": files.sha256_text(ascii(hashes))}
    return {"sha256": files.sha256_file(path)}
