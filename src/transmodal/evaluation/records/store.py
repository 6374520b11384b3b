"""Synthetic volumes kept beside their figures, by hash, so that a reader can take every figure again.

Figures are of the stored volumes: NIfTI holds the float32 of the translators, every bit of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from transmodal.cohorts.store import PreparedCase
from transmodal.errors import IntegrityError, TransmodalError, UsageError
from transmodal.storage import files
from transmodal.volumes import Grid, Volume, io

FOLDER = "volumes"
_MARK = "SYNTHETIC transmodal"
_LONGEST = 120
"""Letters of a name: file systems take 255 bytes, endings and what is put before it included."""


class StoredFile(NamedTuple):
    """One file: its path below the evaluation's folder, and the SHA-256 of its bytes."""

    file: str
    sha256: str


class TargetHashes(NamedTuple):
    """SHA-256 of the arrays that a case is scored against, as the cohort names them; None without a mask."""

    target: str
    mask: str | None


Parts = Mapping[str, Mapping[str, tuple[StoredFile, ...]]]
"""By translator and case: one file, or one per channel of a colour volume."""


@dataclass(frozen=True, slots=True)
class VolumeStore:
    """Synthetic volumes below an evaluation's folder.

    Attributes:
        folder: of the evaluation.
        volumes: files of synthetic volumes that were written.
        disagreements: files of their disagreements that were written.
    """

    folder: Path
    volumes: dict[str, dict[str, tuple[StoredFile, ...]]] = field(default_factory=dict)
    disagreements: dict[str, dict[str, tuple[StoredFile, ...]]] = field(default_factory=dict)

    def keep(self, name: str, case: PreparedCase, volume: Volume) -> Volume:
        """Write a volume and return it as a reader will find it.

        Args:
            name: of the translator.
            case: the translated one.
            volume: on the target's grid; float64 is kept as float32, colour as one file per channel.

        Raises:
            UsageError: E005 when the folder cannot be used.
            ResourceError: E403 when the disk is full or may not be written.
        """
        stored, parts = self._write(self._below(name), case, volume)
        self.volumes.setdefault(name, {})[case.id] = parts
        return stored

    def keep_disagreement(self, name: str, case: PreparedCase, volume: Volume) -> Volume:
        """Write a disagreement beside the volumes that `keep` wrote; arguments and errors as there."""
        stored, parts = self._write(self._below(name) / "disagreement", case, volume)
        self.disagreements.setdefault(name, {})[case.id] = parts
        return stored

    def add(
        self,
        case: str,
        volumes: Mapping[str, tuple[StoredFile, ...]],
        disagreements: Mapping[str, tuple[StoredFile, ...]],
    ) -> None:
        """Take up the files of a case that another process wrote, by translator."""
        for own, parts in ((self.volumes, volumes), (self.disagreements, disagreements)):
            for name, listed in parts.items():
                own.setdefault(name, {})[case] = listed

    def _below(self, name: str) -> Path:
        number = [*self.volumes, name].index(name) + 1  # names may hold characters that paths cannot
        return Path(FOLDER) / f"{number:02d}-{plain(name)}"

    def _write(
        self, below: Path, case: PreparedCase, volume: Volume
    ) -> tuple[Volume, tuple[StoredFile, ...]]:
        try:
            (self.folder / below).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                "E005",
                f"cannot make {self.folder / below}",
                "a folder that can be written",
                "Choose another.",
            ) from error
        stored = volume.with_voxels(np.asarray(volume.voxels, np.float32))
        parts = []
        for channel, grey in _channels(stored).items():
            file = below / f"{plain(case.id)}{channel}.nii.gz"
            parts.append(StoredFile(file.as_posix(), io.write(grey, self.folder / file, description=_MARK)))
        return stored, tuple(parts)


def to_json(volumes: Parts) -> dict[str, Any]:
    """Return the stored files for JSON."""
    return {
        name: {case: [part._asdict() for part in parts] for case, parts in cases.items()}
        for name, cases in volumes.items()
    }


def hash_target(case: PreparedCase, modality: str) -> TargetHashes:
    """Return the hashes of a case's target and evaluation mask."""
    mask = case.mask()
    return TargetHashes(
        files.sha256_array(case.volume(modality).voxels),
        None if mask is None else files.sha256_array(mask.view(np.uint8)),
    )


def read(folder: Path, parts: tuple[StoredFile, ...], grid: Grid, label: str) -> Volume:
    """Read a kept volume after its hashes were compared.

    Args:
        folder: of the evaluation.
        parts: its files.
        grid: of the target; NIfTI keeps places in float32, so the volume comes back on this one.
        label: translator and case, for the error.

    Raises:
        IntegrityError: E501 when a file is missing, has another content, or another grid.
    """
    channels = []
    for part in parts:
        try:
            digest = files.sha256_file(folder / part.file)
            volume = io.read_grey(folder / part.file) if digest == part.sha256 else None
        except TransmodalError as error:
            raise _tampered(f"the volume of {label} cannot be read ({error.got})", "the kept file") from error
        if volume is None:
            raise _tampered(
                f"{part.file}, the volume of {label}, has the SHA-256 {digest[:12]}", part.sha256[:12]
            )
        if volume.voxels.shape != grid.shape:
            raise _tampered(f"{part.file}, the volume of {label}, is {volume.voxels.shape}", f"{grid.shape}")
        channels.append(volume.voxels)
    return Volume(channels[0] if len(channels) == 1 else np.stack(channels, axis=-1), grid.affine)


def _channels(volume: Volume) -> dict[str, Volume]:
    if not volume.is_colour:
        return {"": volume}
    return {
        f"_{letter}": Volume(np.ascontiguousarray(volume.voxels[..., n]), volume.affine)
        for n, letter in enumerate("rgb")
    }


def plain(name: str) -> str:
    """Return a name without characters that some paths cannot hold, and no longer than they can be."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:_LONGEST].strip(".-") or "unnamed"


def _tampered(difference: str, expected: str) -> IntegrityError:
    return IntegrityError(
        "E501",
        difference,
        expected,
        "Its figures cannot be believed: evaluate the run again with --save-volumes.",
    )
