"""The index of a manifest: where each case stands in `cohort.json`, so that a case is decoded when it is first asked for."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from itertools import chain, combinations
from pathlib import Path
from typing import Any, NamedTuple, overload

from pydantic import BaseModel, ConfigDict, ValidationError

from transmodal.cohorts.manifest import CaseEntry, Manifest, bad_manifest, write_record
from transmodal.cohorts.split.split import NAMES, Split
from transmodal.errors import IntegrityError, TransmodalError
from transmodal.storage import files, regular, sealed
from transmodal.storage.process_memory.collecting import pause_collecting

FILE = "cohort-index.json"
"""Name of the file, beside `cohort.json`; a cohort without it opens more slowly, and that is all."""
REMEDY = "Prepare the cohort again, which writes it anew; it can also be removed."

_IMAGE_KEY = 16
"""Hexadecimal digits of an image's hash. Where two images are alike in these, the whole manifest decides."""


class IndexRecord(BaseModel):
    """The content of the file; one item per case in each of its sequences.

    Attributes:
        version: of the format, and of `Manifest.digest`.
        manifest_sha256: of the bytes of `cohort.json`; the index is of no other.
        digest: of the manifest, as `Manifest.digest`.
        ids: of the cases, in the manifest's order.
        patients: of the cases.
        groups: of the cases.
        images: beginnings of the hashes of each case's images.
        begins: byte at which each case begins in `cohort.json`.
        ends: byte behind each case.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    manifest_sha256: str
    digest: str
    ids: tuple[str, ...]
    patients: tuple[str, ...]
    groups: tuple[str, ...]
    images: tuple[tuple[str, ...], ...]
    begins: tuple[int, ...]
    ends: tuple[int, ...]

    def may_leak(self, split: Split) -> bool:
        """Tell whether `cohorts.split.leaks.check_leaks` has something to look at; it does not say no in vain."""
        sides = [set(split.ids(name)) for name in NAMES]
        if sum(map(len, sides)) < sum(len(split.ids(name)) for name in NAMES):
            return True
        if _meet(sides) or not set(self.ids).issuperset(chain.from_iterable(sides)):
            return True
        places = [[at for at, case in enumerate(self.ids) if case in side] for side in sides]
        shared = [[set(chain.from_iterable(self.images[at] for at in side)) for side in places]]
        if split.by != "within-subject":
            shared += [
                [{names[at] for at in side} - {""} for side in places]
                for names in (self.patients, self.groups)
            ]
        return any(map(_meet, shared))


class IndexedCases(Sequence[CaseEntry]):
    """The cases of a manifest, each decoded and checked when it is first asked for.

    Args:
        path: of `cohort.json`, for errors.
        content: its bytes.
        record: of the index.
    """

    def __init__(self, path: Path, content: bytes, record: IndexRecord) -> None:
        self._path = path
        self._content = content
        self._record = record
        self._entries: dict[int, CaseEntry] = {}

    def __len__(self) -> int:
        return len(self._record.ids)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # as of every sequence that is compared by its items

    @overload
    def __getitem__(self, at: int) -> CaseEntry: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[CaseEntry, ...]: ...

    def __getitem__(self, at: int | slice) -> CaseEntry | tuple[CaseEntry, ...]:
        if isinstance(at, slice):
            return tuple(self[place] for place in range(len(self))[at])
        return self._decode(range(len(self))[at])

    def choose(self, ids: Collection[str]) -> list[CaseEntry]:
        """Return the cases of some ids; the others are not decoded."""
        with pause_collecting():
            return [self._decode(at) for at, case in enumerate(self._record.ids) if case in ids]

    def _decode(self, at: int) -> CaseEntry:
        entry = self._entries.get(at)
        if entry is None:
            text = self._content[self._record.begins[at] : self._record.ends[at]]
            try:
                entry = self._entries[at] = CaseEntry.model_validate_json(text)
            except ValidationError as error:
                raise bad_manifest(self._path, error, "cases", at) from error
        return entry


class IndexedManifest(NamedTuple):
    """A manifest whose cases are decoded when they are asked for.

    Attributes:
        manifest: with `IndexedCases`.
        record: of the index.
    """

    manifest: Manifest
    record: IndexRecord

    def content_digest(self) -> str:
        """Return what `Manifest.digest` returns for the manifest; no case is decoded for it."""
        return self.record.digest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `cohort.json` and its index.

    Raises:
        ResourceError: E403 when the disk is full or may not be written.
    """
    write_record(folder / "cohort.json", manifest)
    files.write_json(folder / FILE, build(folder, manifest))


def build(folder: Path, manifest: Manifest) -> dict[str, Any]:
    """Return the sealed index of a manifest that was written.

    Args:
        folder: of the cohort.
        manifest: as it stands in its `cohort.json`.

    Raises:
        InputError: E100 when there is no `cohort.json`.
        ResourceError: E403 when it may not be read.
    """
    content = _read_bytes(folder / "cohort.json")
    spans = _find_cases(content)
    record = IndexRecord(
        version=1,
        manifest_sha256=hashlib.sha256(content).hexdigest(),
        digest=manifest.digest(),
        ids=tuple(case.id for case in manifest.cases),
        patients=tuple(case.patient for case in manifest.cases),
        groups=tuple(case.group for case in manifest.cases),
        images=tuple(
            tuple(volume.content_sha256[:_IMAGE_KEY] for volume in case.volumes.values())
            for case in manifest.cases
        ),
        begins=tuple(begin for begin, _ in spans),
        ends=tuple(end for _, end in spans),
    )
    return sealed.seal(record.model_dump(mode="json"))


def read_indexed(folder: Path) -> IndexedManifest | None:
    """Return the manifest of a cohort by its index; None where no whole index of this very manifest is there.

    The bytes of `cohort.json` are compared with the hash that they were written with, so that a changed
    one is never taken; types are checked when a case is decoded.

    Raises:
        ResourceError: E401, E403 when `cohort.json` is too large or may not be read.
    """
    record = _read_record(folder / FILE)
    if record is None:
        return None
    path = folder / "cohort.json"
    content = _read_bytes(path)
    if hashlib.sha256(content).hexdigest() != record.manifest_sha256 or not record.ids:
        return None
    cases = IndexedCases(path, content, record)
    # The manifest without its cases is a kilobyte.
    head = files.parse_json((content[: record.begins[0]] + content[record.ends[-1] :]).decode())
    head.pop(sealed.KEY, None)
    try:
        manifest = Manifest.model_validate(head).model_copy(update={"cases": cases})
    except ValidationError:
        return None  # of another version: whoever reads it whole says so
    return IndexedManifest(manifest, record)


def choose(manifest: Manifest, ids: Collection[str]) -> list[CaseEntry]:
    """Return the cases of some ids, decoding no other where the manifest has an index."""
    if isinstance(manifest.cases, IndexedCases):
        return manifest.cases.choose(ids)
    return [entry for entry in manifest.cases if entry.id in ids]


def check(folder: Path, manifest: Manifest) -> None:
    """Compare the index with the one that the manifest would get.

    Raises:
        InputError: E101 when it is no JSON.
        IntegrityError: E501 when it is another one.
    """
    record = sealed.read(folder / FILE)
    sealed.check(folder / FILE, record, REMEDY)
    if {**record.content, sealed.KEY: record.seal} != build(folder, manifest):
        raise IntegrityError("E501", "it is not the index of cohort.json", "one and the same", REMEDY)


def _read_record(path: Path) -> IndexRecord | None:
    try:
        record = sealed.read(path)
        if record.seal is None or record.is_changed or record.content.get("version") != 1:
            return None
        return IndexRecord.model_validate(record.content)
    except (TransmodalError, ValidationError):
        return None


def _read_bytes(path: Path) -> bytes:
    with files.reading_errors(path, "a JSON file"):
        return regular.read_bytes(path)


def _find_cases(content: bytes) -> list[tuple[int, int]]:
    """Return where each case of a manifest's JSON begins and ends; none where it has no cases."""
    text = content.decode("latin-1")  # a sign per byte: only the places matter
    decoder = json.JSONDecoder()
    at, key = _skip(text, 0, "{"), ""
    while text[at] != "}":
        key, at = decoder.raw_decode(text, at)
        at = _skip(text, at, ":")
        if key == "cases" and text[at] == "[":
            break
        _, at = decoder.raw_decode(text, at)
        at = _skip(text, at, ",")
    spans = []
    at = _skip(text, at, "[")
    while text[at] == "{":
        begin = at
        _, at = decoder.raw_decode(text, begin)
        spans.append((begin, at))
        at = _skip(text, at, ",")
    return spans


def _skip(text: str, at: int, sign: str) -> int:
    """Return the place behind white space and one sign, if that stands there."""
    space = re.compile(rf"\s*(?:{re.escape(sign)}\s*)?").match(text, at)
    return at if space is None else space.end()


def _meet(sides: Sequence[set[str]]) -> bool:
    return any(not first.isdisjoint(second) for first, second in combinations(sides, 2))
