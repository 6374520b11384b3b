"""Marks of patients: hashes of their names under a cohort's own key, by which its holders alone know a patient again."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from transmodal.errors import InputError, ResourceError
from transmodal.storage import files, regular

FILE = "patients.key"
"""Name of a cohort's file of keys; it stays with the cohort."""
MARKS = "training_patients_sha256"
"""Key of a record under which the marks of a training's patients stand."""
KEY_ID = "training_patients_key"
"""Key of a record under which the id of their key stands; records of before there were keys have none."""

_BYTES = 32
_LONGEST_FILE = 1 << 16
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PatientKey:
    """A key that patients are marked with.

    Attributes:
        secret: 32 random bytes; empty for marks of before there were keys, plain hashes that anybody can make.
    """

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """Digest of the key, which may be known; empty without a secret."""
        return hashlib.sha256(b"patient key " + self.secret).hexdigest()[:16] if self.secret else ""

    def mark(self, patient: str) -> str:
        """Return the mark of a patient."""
        if not self.secret:
            return files.sha256_text(patient)[:16]
        return hmac.new(self.secret, patient.encode(), hashlib.sha256).hexdigest()[:16]


UNKEYED = PatientKey(b"")
"""Marks of before there were keys."""


class PatientMarks(NamedTuple):
    """Marks of some patients.

    Attributes:
        key: id of the key that made them.
        marks: of the patients; none where the key could not be read, as nobody learns from no patient.
    """

    key: str
    marks: frozenset[str]

    def find(self, patients: Iterable[str], keys: Sequence[PatientKey]) -> list[str] | None:
        """Return which of some patients are among the marked, sorted; None where the marks' key is not at hand."""
        key = next((key for key in (*keys, UNKEYED) if key.id == self.key), None)
        if key is None or not self.marks:
            return None
        return sorted(patient for patient in set(patients) if key.mark(patient) in self.marks)


def read_marks(record: Mapping[str, Any]) -> PatientMarks | None:
    """Return the marks of the patients that a model learned from; None where its record has none."""
    if MARKS not in record:
        return None
    return PatientMarks(str(record.get(KEY_ID) or ""), frozenset(map(str, record[MARKS])))


def marking_keys(folder: Path, *, has_key: bool) -> tuple[PatientKey, ...]:
    """Return the keys that mark a cohort's patients, its own first; none where they cannot be read.

    Args:
        folder: of the cohort.
        has_key: whether it was prepared with a key; one that was not has marks that anybody can make.
    """
    keys = read_keys(folder)
    if not keys and has_key:
        _log.warning("%s of cohort %s cannot be read: patients are not marked", FILE, Path(folder).name)
        return ()
    return keys or (UNKEYED,)


def mark_patients(keys: Sequence[PatientKey], patients: Iterable[str]) -> PatientMarks:
    """Return the marks of some patients under the first of their cohort's keys; none without a key."""
    if not keys:
        return PatientMarks("", frozenset())
    return PatientMarks(keys[0].id, frozenset(map(keys[0].mark, patients)))


def untested(name: str, marks: PatientMarks) -> str:
    """Return a line on a model whose patients could not be looked up, and what to give."""
    if not marks.marks:
        return (
            f"{name}: not tested whether it learned from these patients, as no marks of its patients are recorded. "
            f"Train it where {FILE} of its cohort can be read."
        )
    return (
        f"{name}: not tested whether it learned from these patients, as no cohort at hand has the patient key "
        f"{marks.key}. Name the cohort that has it to transmodal evaluate or transmodal translate: --training-cohort COHORT."
    )


def read_keys(folder: Path) -> tuple[PatientKey, ...]:
    """Return the keys of a cohort, its own first; none where there is no file of them, or it may not be read.

    Raises:
        InputError: E101 when the file holds something else.
    """
    path = Path(folder) / FILE
    try:
        return _read(path) if path.exists() else ()
    except ResourceError:  # of another user, who shares the images and not the key
        return ()


def provide_key(folder: Path, shared: Path | None = None) -> None:
    """See that a cohort has a key.

    Args:
        folder: of the cohort.
        shared: file of a key to share with other cohorts, made where it is not there; the cohort's former keys stay
            behind it. None makes one of the cohort's own where it has none.

    Raises:
        InputError: E101 when a file of keys holds something else.
        ResourceError: E403 when one cannot be read or written.
    """
    path = Path(folder) / FILE
    former = _read(path) if path.exists() else ()
    if shared is None:
        if not former:
            write_keys(folder, [make_key()])
        return
    if not shared.exists():
        _write(shared, former[:1] or [make_key()])
    keys = tuple(dict.fromkeys([*_read(shared), *former]))
    if keys != former:
        write_keys(folder, keys)


def shared_key(path: Path) -> PatientKey:
    """Return the key of a file that several cohorts share, the first where there are several; made where it is not there.

    Raises:
        InputError: E101 when the file holds something else.
        ResourceError: E403 when it cannot be read or written.
    """
    if not path.exists():
        _write(path, [make_key()])
    return _read(path)[0]


def make_key() -> PatientKey:
    """Return a new random key."""
    return PatientKey(secrets.token_bytes(_BYTES))


def write_keys(folder: Path, keys: Sequence[PatientKey]) -> None:
    """Write the keys of a cohort, its own first, for their owner alone to read.

    Raises:
        ResourceError: E403 when they cannot be written.
    """
    _write(Path(folder) / FILE, keys)


def _read(path: Path) -> tuple[PatientKey, ...]:
    try:
        with files.reading_errors(path, "a file of patient keys"):
            lines = regular.read_text(path, _LONGEST_FILE).split()
        keys = tuple(PatientKey(bytes.fromhex(line)) for line in lines)
    except ValueError:
        keys = ()
    if not keys or any(len(key.secret) != _BYTES for key in keys):
        # From nothing: a cause would show what stands in the file.
        raise InputError(
            "E101",
            f"{path} holds no patient keys",
            f"lines of {2 * _BYTES} hexadecimal digits",
            "Copy it again; without it, move it away and prepare the cohort again: it gets a new key.",
        ) from None
    return keys


def _write(path: Path, keys: Sequence[PatientKey]) -> None:
    with files.atomic_path(path, mode=0o600) as beside:
        beside.write_text("".join(f"{key.secret.hex()}\n" for key in keys), encoding="ascii")
