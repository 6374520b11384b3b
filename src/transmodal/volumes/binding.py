"""An image file by hashes of its bytes, its voxels and its place in space, so that a record can be bound to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from transmodal.storage import files, listing
from transmodal.volumes import io
from transmodal.volumes.volume import Affine, Volume


class Binding(NamedTuple):
    """Hashes of an image file.

    Attributes:
        sha256: of the file's bytes; for `.mhd` of the header, for a folder as `digest`.
        voxels_sha256: of type, shape and voxels, decoded; empty where they are not known.
        affine_sha256: of the affine as it is read; empty where it is not known.
    """

    sha256: str
    voxels_sha256: str = ""
    affine_sha256: str = ""

    def differences(self, second: Binding) -> list[str]:
        """Return how a second file differs, in words; hashes that one of the two lacks are passed over."""
        parts = {
            "other voxels": (self.voxels_sha256, second.voxels_sha256),
            "another place in space": (self.affine_sha256, second.affine_sha256),
        }
        words = [name for name, (own, theirs) in parts.items() if own and theirs and own != theirs]
        if words or self.sha256 == second.sha256:
            return words
        is_same_volume = all(all(pair) for pair in parts.values())
        return ["other bytes around the same voxels" if is_same_volume else "other bytes"]


def write(volume: Volume, path: Path, *, description: str = "") -> Binding:
    """Write a volume as `io.write` does, and return the hashes of the file.

    Raises:
        UsageError, InputError, IntegrityError, ResourceError: as `io.write`.
    """
    digest, back = io.write_back(volume, path, description=description)
    return Binding(digest, *of_volume(back))


def read(path: Path) -> Binding:
    """Return the hashes of a file that `write` wrote, or of the folder of a DICOM series.

    Raises:
        InputError, ResourceError: as `io.read`.
    """
    return Binding(digest(path), *of_volume(io.read_written(path)))


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of the SHA-256 of all files of a folder, whatever they are called.

    Raises:
        ResourceError: E403 where it cannot be read.
    """
    if not path.is_dir():
        return files.sha256_file(path)
    return files.sha256_text(ascii(sorted(map(files.sha256_file, listing.files_in(path)))))


def of_record(record: Mapping[str, str]) -> Binding:
    """Return the hashes that a record holds; those of earlier versions know the file's bytes alone."""
    return Binding(record.get("sha256", ""), record.get("voxels_sha256", ""), record.get("affine_sha256", ""))


def of_volume(volume: Volume) -> tuple[str, str]:
    """Return the SHA-256 of a volume's voxels, with their type and shape, and of its affine."""
    return files.sha256_array(volume.voxels), of_affine(volume.affine)


def of_affine(affine: Affine) -> str:
    """Return the SHA-256 of an affine."""
    return files.sha256_array(affine + 0.0)  # -0.0 is 0.0
