"""The run that made a synthetic image: told by the manifest of its checkpoint, whose hashes the sidecar holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from transmodal import checkpoint
from transmodal.checkpoint import MANIFEST, WEIGHTS, archive, manifest
from transmodal.checkpoint.checks import list_checkpoints
from transmodal.errors import InputError, IntegrityError, TransmodalError

_DEPTHS = ("", "*/", "*/*/")
"""Folders below a place in which a run is looked for."""


class CheckpointOrigin(NamedTuple):
    """The checkpoint that made an image, as the image's sidecar records it.

    Attributes:
        name: of its folder, such as `best`; that where sidecars of earlier versions do not say it.
        weights_sha256: of its weights' file.
        manifest_sha256: of its manifest's content; empty in sidecars of earlier versions.
        parts: first characters of the SHA-256 of each part of the manifest.
    """

    name: str
    weights_sha256: str
    manifest_sha256: str
    parts: Mapping[str, str]

    def differences(self, folder: Path, content: Mapping[str, Any]) -> list[str]:
        """Return the parts in which a checkpoint's manifest differs; none where it is the very one.

        Args:
            folder: the checkpoint's.
            content: of its manifest. Where the sidecar knows no manifest, the weights alone are compared.
        """
        if not self.manifest_sha256:
            return [] if manifest.hashes_of(content, folder)[WEIGHTS] == self.weights_sha256 else ["weights"]
        fingerprint = manifest.fingerprint(content, folder)
        if fingerprint.sha256 == self.manifest_sha256:
            return []
        return self.changed_parts(fingerprint.parts)

    def changed_parts(self, parts: Mapping[str, str]) -> list[str]:
        """Return the parts in which another manifest differs, by the hashes of its parts."""
        names = [*parts, *(name for name in self.parts if name not in parts)]
        changed = [name for name in names if parts.get(name) != self.parts.get(name)]
        return changed or ["the order of its parts"]


def of(content: Mapping[str, Any]) -> CheckpointOrigin:
    """Return the origin that the content of a sidecar records.

    Raises:
        InputError: E102 when it says nothing of a checkpoint, as the sidecar of a spread.
    """
    record = content.get("checkpoint")
    if isinstance(record, dict) and isinstance(record.get("weights_sha256"), str):
        parts = record.get("manifest_parts")
        return CheckpointOrigin(
            str(record.get("name", "best")),
            record["weights_sha256"],
            str(record.get("manifest_sha256", "")),
            parts if isinstance(parts, dict) else {},
        )
    raise InputError(
        "E102",
        "a sidecar that says nothing of a checkpoint",
        "the sidecar of a translation",
        "Name the image itself where this is the sidecar of its spread.",
    )


def all_of(content: Mapping[str, Any]) -> list[CheckpointOrigin]:
    """Return the origins that the content of a sidecar records: of one run, or of each of an ensemble.

    Raises:
        InputError: as `of`.
    """
    runs = ensemble.get("runs") if isinstance(ensemble := content.get("ensemble"), dict) else None
    return [of(run) for run in runs] if runs else [of(content)]


def check(content: Mapping[str, Any], run: Path) -> None:
    """Refuse a run that did not make an image, alone or with others.

    Args:
        content: of the image's sidecar.
        run: the run's folder, or the file that it was exported as.

    Raises:
        IntegrityError: E501 when no whole checkpoint of the run is the recorded one; the nearest one's differences are
            named.
        InputError: E134 when the folder is no run, and as `of`.
    """
    origins = all_of(content)
    compared = dict[str, list[str]]()
    for folder in _checkpoints(run):
        try:
            manifest_content = _verify(folder)
            differences = [origin.differences(folder, manifest_content) for origin in origins]
        except TransmodalError:
            continue  # a damaged checkpoint says nothing
        compared[folder.name] = min(differences, key=len)
    if not all(compared.values()):
        return
    name = min(compared, key=lambda name: len(compared[name]), default="")
    words = (
        f"its {name} checkpoint differs in {', '.join(compared[name])}"
        if name
        else "none of its checkpoints is whole"
    )
    raise IntegrityError(
        "E501",
        f"{run.name} did not make this image: {words}",
        "a checkpoint with the manifest whose hash the sidecar holds",
        "Name the run that made it, or copy that run again.",
    )


def find_checkpoint(origin: CheckpointOrigin, run: Path) -> str | None:
    """Return the name of the checkpoint of a run that made an image, by the manifests alone; None where there is none.

    Raises:
        InputError: E134 when the folder is no run.
    """
    return next((folder.name for folder in _checkpoints(run) if is_of(origin, folder)), None)


def find_run(origin: CheckpointOrigin, places: Sequence[Path]) -> Path | None:
    """Return a run with the checkpoint that made an image, in the places or up to two folders below; None without."""
    return next((folder.parent.parent for folder in _folders(places) if is_of(origin, folder)), None)


def is_of(origin: CheckpointOrigin, folder: Path) -> bool:
    """Tell whether a checkpoint is the recorded one, by its manifest alone."""
    try:
        packed = _archive_of(folder)
        content = manifest.unseal(folder / MANIFEST) if packed is None else archive.read(packed).manifest
        return not origin.differences(folder, content)
    except TransmodalError:
        return False


def _archive_of(folder: Path) -> Path | None:
    """Return the file that a checkpoint lies in; None for one in a folder."""
    return next((path for path in folder.parents if archive.is_archive(path)), None)


def _verify(folder: Path) -> Mapping[str, Any]:
    packed = _archive_of(folder)
    return checkpoint.verify(folder) if packed is None else archive.read(packed).manifest


def _checkpoints(run: Path) -> list[Path]:
    folders = [archive.read(run).folder] if archive.is_archive(run) else list_checkpoints(run)
    if not folders:
        raise InputError("E134", f"{run} without checkpoints", "a run folder", "Check the path.")
    return folders


def _folders(places: Sequence[Path]) -> Iterator[Path]:
    for place in places:
        for depth in _DEPTHS:
            yield from sorted(path.parent for path in place.glob(f"{depth}checkpoints/*/{MANIFEST}"))
