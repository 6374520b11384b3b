"""A checkpoint as one file, `model.tmz`: its folder's files, stored in a zip, with a sealed record of their hashes.

It goes where a run's folder goes to translate. Its members lie as in a run's folder (`checkpoints/best/manifest.json`), so
that any program that opens zip files makes a run's folder of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import safetensors.torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError

from transmodal.checkpoint import manifest
from transmodal.checkpoint.content import Checkpoint
from transmodal.checkpoint.folder import peek, verify
from transmodal.checkpoint.manifest import MANIFEST, WEIGHTS
from transmodal.errors import InputError, IntegrityError
from transmodal.notice import INTENDED_USE
from transmodal.storage import regular, sealed, store_zip
from transmodal.storage.files import parse_json

ENDING = ".tmz"
RECORD = "model.json"
FORMAT = 1
REMEDY = "Copy it again, or export the run again: transmodal export RUN -o model.tmz."


class Record(BaseModel):
    """The statements of a file about itself, in `model.json`.

    Attributes:
        format: of the file.
        intended_use: notice that goes with it.
        checkpoint: name of the checkpoint, such as `best`.
        training_seconds: that training took up to its end; None where that is not known.
        files: SHA-256 of each other member, by name.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    format: int
    intended_use: str
    checkpoint: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$")]
    training_seconds: float | None
    files: dict[str, str]


class PackedModel(NamedTuple):
    """A file with a checkpoint, every member of which has its recorded hash.

    Attributes:
        path: of the file.
        record: of the file.
        manifest: content of the checkpoint's manifest.
        members: contents of the file by name.
    """

    path: Path
    record: Record
    manifest: Mapping[str, Any]
    members: Mapping[str, memoryview]

    @property
    def folder(self) -> Path:
        """Where the checkpoint's folder would lie if the file were a run's folder; for names and messages."""
        return self.path / "checkpoints" / self.record.checkpoint

    def member(self, name: str) -> bytes | None:
        """Return a member's content; None where there is none of that name."""
        return bytes(self.members[name]) if name in self.members else None


def is_archive(path: Path) -> bool:
    """Tell by its name whether a path is that of a model in one file, and not a folder."""
    return path.name.lower().endswith(ENDING) and not path.is_dir()


def pack(path: Path, folder: Path, pages: Mapping[str, bytes] | None = None) -> None:
    """Write a checkpoint as one file, without its optimisers; the same checkpoint and pages give the same bytes.

    Args:
        path: of the file.
        folder: the checkpoint's, in a run.
        pages: more members by name, such as the run's `recipe.yaml`.

    Raises:
        InputError: E100 when there is no such checkpoint.
        IntegrityError: E501 or E502 when it is damaged.
        ResourceError: E401 for weights of 4 GiB and more, E403 when nothing can be written.
    """
    verify(folder)
    below = f"checkpoints/{folder.name}/"
    members = {
        f"{below}{name}": regular.read_bytes(folder / name, store_zip.MOST_BYTES)
        for name in (MANIFEST, WEIGHTS)
    }
    members |= pages or {}
    end = peek(folder.with_name("last"))
    record = Record(
        format=FORMAT,
        intended_use=INTENDED_USE,
        checkpoint=folder.name,
        training_seconds=round(end.seconds, 1) if end is not None and end.seconds > 0 else None,
        files={name: hashlib.sha256(content).hexdigest() for name, content in members.items()},
    )
    head = json.dumps(sealed.seal(record.model_dump()), indent=1, allow_nan=False) + "\n"
    store_zip.write(path, {RECORD: head.encode(), **members})


def read(path: Path) -> PackedModel:
    """Read a file with a checkpoint, and compare every member with its hash.

    Raises:
        InputError: E100 when there is no such file, E101 when it is damaged, E102 for a file of another kind.
        IntegrityError: E501 when a hash does not match, E502 when it is no whole checkpoint.
        ResourceError: E401 for a file beyond the memory there is, E403 when it may not be read.
    """
    members = store_zip.read(path)
    record = _record(path, bytes(members.pop(RECORD, b"")))
    if set(record.files) != set(members):
        raise _changed(path, "it has other members than its record names")
    for name, body in members.items():
        if hashlib.sha256(body).hexdigest() != record.files[name]:
            raise _changed(path, f"{name} has another SHA-256 than its record")
    below = f"checkpoints/{record.checkpoint}/"
    if not {below + MANIFEST, below + WEIGHTS} <= set(members):
        raise IntegrityError("E502", f"{path.name} without a checkpoint", "a whole checkpoint", REMEDY)
    content = manifest.parse(bytes(members[below + MANIFEST]), path / below / MANIFEST)
    if manifest.hashes_of(content, path)[WEIGHTS] != record.files[below + WEIGHTS]:
        raise _changed(path, "its weights are not those of its manifest")
    return PackedModel(path, record, content, members)


def load(archive: PackedModel) -> Checkpoint:
    """Return the checkpoint of a file that was read, without optimisers.

    Raises:
        IntegrityError: E502 when something is missing or of another kind.
    """
    below = f"checkpoints/{archive.record.checkpoint}/"
    try:
        weights = safetensors.torch.load(bytes(archive.members[below + WEIGHTS]))
    except SafetensorError as error:
        raise manifest.damaged(archive.folder, f"{WEIGHTS}: {error}") from error
    return manifest.from_json(archive.manifest, archive.folder, weights, {})


def check_name(archive: PackedModel, checkpoint: str) -> None:
    """Refuse to take another checkpoint than the file holds; `best` is the one there is, as in a run's folder.

    Raises:
        InputError: E134.
    """
    if checkpoint not in ("best", archive.record.checkpoint):
        raise InputError(
            "E134",
            f"{archive.path.name} without {checkpoint} checkpoint",
            f"{archive.record.checkpoint}, which it holds",
            "Leave the checkpoint out, or name the run's folder.",
        )


def _record(path: Path, content: bytes) -> Record:
    """Return the record of a file."""
    try:
        fields = parse_json(content.decode("utf-8"))
        if sealed.Sealed(fields, str(fields.pop(sealed.KEY, ""))).is_changed:
            raise _changed(path, f"{RECORD} was changed")
        record = Record.model_validate(fields)
    except (ValueError, TypeError) as error:  # a ValidationError is one
        raise InputError(
            "E102", f"{path.name} is no model of transmodal", f"a file with {RECORD} in it", "Check the path."
        ) from error
    if record.format != FORMAT:
        raise IntegrityError(
            "E502",
            f"{path.name} of format {record.format}",
            f"format {FORMAT}",
            "Read it with the version of transmodal that wrote it.",
        )
    return record


def _changed(path: Path, fault: str) -> IntegrityError:
    return IntegrityError("E501", f"{path.name}: {fault}", "what was exported", REMEDY)
