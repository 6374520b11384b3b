"""The two files of a reading session: what a reader's machine needs, and the key that says which picture is which.

`session.json` names pictures and items by numbers that were drawn; nothing in it tells a real picture from a synthetic one.
The key lies elsewhere, readable for its owner alone, and each of the two says which the other is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator

from transmodal.errors import InputError, IntegrityError
from transmodal.experiments.study.record import StudyCohort
from transmodal.recipes.parts import Part
from transmodal.storage import files, sealed

SESSION, PICTURES, ANSWERS = "session.json", "pictures", "answers"
REAL = "real"
"""Stands for the measured image where a system stands for a synthetic one."""

QuestionName = Literal["origin", "lesion", "preference"]
QUESTIONS: tuple[QuestionName, ...] = ("origin", "lesion", "preference")
"""In the order in which a reader is asked."""

_REMEDY = "Do not change it by hand; make the session again with transmodal reader make."
_Read = TypeVar("_Read", bound=BaseModel)


class ReaderItem(Part):
    """One item of a session: a question about one picture, or about two side by side.

    Attributes:
        question: which.
        pictures: names, the left one first.
    """

    question: QuestionName
    pictures: tuple[str, ...]


class ReaderSession(Part):
    """The content of `session.json`.

    Attributes:
        version: of the format.
        id: drawn; answers and key name it.
        title: as the page shows it.
        shape: rows and columns of every picture.
        pictures: SHA-256 of every file by its name.
        items: by name.
        orders: of the items; readers take them in turn.
        key_sha256: of the key.
    """

    version: Literal[1] = 1
    id: str
    title: str
    shape: tuple[int, int]
    pictures: dict[str, str]
    items: dict[str, ReaderItem]
    orders: tuple[tuple[str, ...], ...] = Field(min_length=1)
    key_sha256: str

    @model_validator(mode="after")
    def _check_items(self) -> Self:
        if any(sorted(order) != sorted(self.items) for order in self.orders):
            raise ValueError("an order without every item")
        for item in self.items.values():
            n = 2 if item.question == "preference" else 1
            if len(item.pictures) != n or not set(item.pictures) <= set(self.pictures):
                raise ValueError("an item without its pictures")
        return self


class PictureTruth(Part):
    """The truth of a picture.

    Attributes:
        case: of the cohort.
        patient: whose case it is.
        system: that made it; `real` for the measured image.
        slice: voxel along the plane's axis, closest to RAS.
        has_lesion: whether a lesion lies in the slice; None where nobody looked.
    """

    case: str
    patient: str
    system: str
    slice: int
    has_lesion: bool | None = None


class SystemOrigin(Part):
    """How a system's volumes came about.

    Attributes:
        name: in tables.
        weights_sha256: of its network; empty for volumes of another program.
    """

    name: str
    weights_sha256: str = ""


class ReaderKey(Part):
    """The content of the key.

    Attributes:
        version: of the format.
        session: id of the session that it is of.
        seed: that everything was drawn with.
        cohort: whose cases are shown.
        split: side of its split.
        target: modality of the pictures.
        plane: that they lie in.
        systems: that made the synthetic ones.
        pictures: truth by the picture's name.
        repeats: items that are shown once more, as the item that they repeat by their own name.
        protocol: how pictures were made and items were drawn, in sentences.
        tool_version: of transmodal.
    """

    version: Literal[1] = 1
    session: str
    seed: int
    cohort: StudyCohort
    split: str
    target: str
    plane: str
    systems: tuple[SystemOrigin, ...]
    pictures: dict[str, PictureTruth]
    repeats: dict[str, str] = Field(default_factory=dict)
    protocol: str
    tool_version: str


def key_sha256(key: ReaderKey) -> str:
    """Return the hash by which a session names its key."""
    return files.sha256_text(json.dumps(key.model_dump(mode="json"), sort_keys=True))


def write_session(session: ReaderSession, folder: Path) -> None:
    """Write `session.json` into a folder.

    Raises:
        UsageError, ResourceError: as `storage.files.write_json`.
    """
    files.write_json(folder / SESSION, sealed.seal(session.model_dump(mode="json")))


def write_key(key: ReaderKey, path: Path) -> None:
    """Write a key that its owner alone may read.

    Raises:
        UsageError, ResourceError: as `storage.files.atomic_path`.
    """
    with files.atomic_path(path, mode=0o600) as beside:
        beside.write_text(json.dumps(sealed.seal(key.model_dump(mode="json")), indent=1) + "\n", "utf-8")


def read_session(folder: Path) -> ReaderSession:
    """Read the session of a folder.

    Raises:
        InputError: E100 without `session.json`, E101 where it is none, E102 for one of a later format.
        IntegrityError: E501 where it was changed.
    """
    return _read(folder / SESSION, ReaderSession, "a reading session, as transmodal reader make writes it")


def read_key(path: Path, session: ReaderSession) -> ReaderKey:
    """Read the key of a session.

    Raises:
        InputError: as `read_session`.
        IntegrityError: E501 where it was changed, or is of another session.
    """
    key = _read(path, ReaderKey, "the key of a reading session")
    if key.session != session.id or key_sha256(key) != session.key_sha256:
        raise IntegrityError(
            "E501",
            f"{path} is of another session",
            f"the key of the session {session.id}",
            "Name the key that was written with the session: --key.",
        )
    return key


def _read(path: Path, schema: type[_Read], expected: str) -> _Read:
    record = sealed.read(path)
    version: Any = record.content.get("version", 1)
    if version != 1:
        raise InputError(
            "E102",
            f"{path} of format {version}",
            f"{expected}, of format 1",
            "A later version of transmodal wrote it: read it with that version.",
        )
    try:
        content = schema.model_validate(record.content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "its content"
        raise InputError("E101", f"{path}: {place}: {first['msg'].lower()}", expected, _REMEDY) from error
    sealed.check(path, record, _REMEDY)
    return content
