"""Sidecars: the JSON file beside a synthetic image, sealed over its content and bound to the image by hashes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from transmodal.errors import InputError, IntegrityError, TransmodalError
from transmodal.inference.names import BESIDE, REGION, region_of, sidecar_of, spread_of, suffix_of
from transmodal.storage import files, outputs, sealed
from transmodal.volumes import binding, marks
from transmodal.volumes.binding import Binding
from transmodal.volumes.formats import nifti

REMEDY = "Take image and JSON file from where they were written, or translate again."


class ImageBinding(NamedTuple):
    """An image that a sidecar is of.

    Attributes:
        path: where it lies.
        recorded: hashes that the sidecar holds.
    """

    path: Path
    recorded: Binding


class Sidecar(NamedTuple):
    """A sidecar as it is on the disk.

    Attributes:
        path: of the JSON file.
        content: without the seal.
        seal: the hash that it holds; None for one of an earlier version.
    """

    path: Path
    content: Mapping[str, Any]
    seal: str | None

    def check(self) -> None:
        """Refuse a sidecar that was changed since it was written.

        Raises:
            IntegrityError: E501.
        """
        if self.seal is None and "environment" in self.content:
            raise IntegrityError(
                "E501", f"{self.path.name} has lost its seal", "its SHA-256 under sha256", REMEDY
            )
        sealed.check(self.path, sealed.Sealed(dict(self.content), self.seal), REMEDY)

    def bindings(self) -> dict[str, ImageBinding]:
        """Return the images that it is of: `image`, and spread, ends of the interval and region under their own keys.

        There is none where the call that wrote it was ended before its image.
        """
        records = {key: self.content.get(key) for key in ("image", *BESIDE, REGION)}
        return {
            key: ImageBinding(self._place_of(key, str(record.get("name"))), binding.of_record(record))
            for key, record in records.items()
            if isinstance(record, dict)
        }

    def _place_of(self, key: str, name: str) -> Path:
        """Return where an image lies: under its recorded name, or renamed together with the sidecar."""
        recorded = self.path.with_name(_base_name(name) or "unnamed")
        renamed = self.path.with_name(f"{self.path.name.removesuffix('.json')}{suffix_of(name)}")
        if key == REGION:
            renamed = region_of(renamed)
        elif key != "image":
            renamed = spread_of(renamed, key)
        return renamed if renamed.exists() and not recorded.exists() else recorded


def read(path: Path) -> Sidecar:
    """Read a sidecar, whether or not it was changed.

    Raises:
        InputError: E100 when there is no such file, E101 when it is no JSON object, E102 when it is no sidecar.
        ResourceError: E403 when it may not be read.
    """
    content, seal = sealed.read(path)
    if content.get("synthetic") is not True:
        raise InputError(
            "E102",
            f"{path.name} is no record of a synthetic image",
            "the JSON file beside a synthetic image",
            "Name that file, or the image.",
        )
    return Sidecar(path, content, seal)


def read_whole(path: Path) -> Sidecar | None:
    """Return a sidecar that is as it was written; None where there is none."""
    try:
        sidecar = read(path)
        sidecar.check()
    except TransmodalError:
        return None
    return sidecar


def write(path: Path, record: Mapping[str, Any]) -> None:
    """Write a sidecar with its seal, atomically.

    Raises:
        ResourceError: E403 when the disk is full or may not be written.
    """
    files.write_json(path, sealed.seal(record))


def place_of(path: Path) -> Path:
    """Return where the sidecar of an image stands; a sidecar's own path stays."""
    return path if path.suffix.lower() == ".json" else sidecar_of(path)


def is_beside(path: Path, image: Path) -> bool:
    """Return whether the sidecar of a spread or an interval's end says that it is of an image of this name."""
    content = _content_of(sidecar_of(path))
    return content is not None and _main_of(path, content) == sidecar_of(image)


def clear_beside(before: Sidecar | None, after: Mapping[str, Any]) -> None:
    """Remove spread, interval and region of an image that was replaced without them; what was changed since stays.

    Args:
        before: the sidecar of the image that was there; None where there was none.
        after: the record of the image that is there now.

    Raises:
        ResourceError: E403 where they cannot be removed.
    """
    images = {} if before is None else before.bindings()
    with outputs.os_errors():
        for path, recorded in (image for key, image in images.items() if key not in after):
            if path.is_file() and binding.digest(path) == recorded.sha256:
                path.unlink()
                if path.suffix != ".dcm":
                    sidecar_of(path).unlink(missing_ok=True)


def is_series(folder: Path) -> bool:
    """Return whether a folder is itself a synthetic image, a series of DICOM whose sidecar stands beside it."""
    content = _content_of(sidecar_of(folder)) if folder.name else None
    return content is not None and "dicom" in content


def list_places(folder: Path) -> list[Path]:
    """Return the sidecars in a folder, and in the subjects' folders of a BIDS dataset, sorted.

    Those of spreads are left out where the sidecar of their image stands beside them, which names them.
    """
    candidates = [*folder.glob("*.json"), *folder.glob("sub-*/**/*.json")]
    sidecars = {path: content for path in candidates if (content := _content_of(path)) is not None}
    return sorted(path for path, content in sidecars.items() if _main_of(path, content) not in sidecars)


def list_orphans(folder: Path, places: Sequence[Path]) -> list[Path]:
    """Return synthetic images that have no sidecar, in a folder and where its sidecars lie, sorted.

    A NIfTI file says in its header that it is synthetic, and so do the files of a folder of DICOM; of another format an
    image counts that is named as `translate` names those of the targets that the sidecars have.

    Args:
        folder: that is looked through.
        places: of the sidecars in it, as `list_places` gives them.
    """
    contents = [_content_of(path) or {} for path in places]
    targets = {target for content in contents if isinstance(target := content.get("target"), str)}
    folders = {folder, *(path.parent for path in places)}
    images = sorted(
        path for place in folders for path in place.iterdir() if suffix_of(path.name) or path.is_dir()
    )
    return [path for path in images if not sidecar_of(path).exists() and _is_synthetic(path, targets)]


def _is_synthetic(path: Path, targets: Collection[str]) -> bool:
    if path.is_dir():
        return _is_marked(path)
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        return "desc-synthetic" in path.name or path.name.endswith(
            tuple(f"_{target}{suffix_of(path.name)}" for target in targets)
        )
    try:
        return nifti.read_description(path).startswith("SYNTHETIC")
    except TransmodalError:  # damaged, so that nobody knows
        return False


def _is_marked(folder: Path) -> bool:
    try:
        return marks.is_marked_synthetic(folder)
    except TransmodalError:  # of something else
        return False


def _content_of(path: Path) -> Mapping[str, Any] | None:
    """Return the content of a sidecar; None for another file."""
    try:
        return read(path).content
    except TransmodalError:
        return None


def _main_of(path: Path, content: Mapping[str, Any]) -> Path | None:
    """Return where the sidecar of the image stands that a spread is of; None where the image is no spread."""
    image = content.get("of")
    name = _base_name(str(image.get("name"))) if isinstance(image, dict) else ""
    return sidecar_of(path.with_name(name)) if name else None


def _base_name(name: str) -> str:
    """Return a recorded name without the folders before it; empty where it can be no file's."""
    base = Path(name).name
    return "" if base in ("", "..") or "\0" in base else base
