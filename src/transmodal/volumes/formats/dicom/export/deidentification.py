"""De-identification by the Basic Application Level Confidentiality Profile (PS3.15, Annex E, table E.1-1)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from transmodal._version import __version__
from transmodal.errors import InputError
from transmodal.storage import files, regular

_TABLE = Path(__file__).with_name("basic_profile.csv")
"""Table E.1-1: tags and the actions of the Basic Profile; its last rows, for groups of tags, stand in `_action_of`."""
_KEY_BYTES = 32
_PSEUDONYM_DIGITS = 12
_DUMMIES = {
    **dict.fromkeys(("DA",), "19000101"),
    **dict.fromkeys(("DT",), "19000101000000"),
    **dict.fromkeys(("TM",), "000000"),
    **dict.fromkeys(("AS",), "000Y"),
    **dict.fromkeys(("DS", "IS"), "0"),
    **dict.fromkeys(("FD", "FL", "SL", "SS", "UL", "US"), 0),
    **dict.fromkeys(("OB", "OW", "UN"), b"\0\0"),
}
"""Values of nobody, by representation; text is `ANONYMIZED`."""
_PSEUDONYMOUS = (0x00100010, 0x00100020)
"""PatientName and PatientID, whose dummy is a pseudonym, so that series of one patient stay together."""
_WORDS_OF_A_PERSON = (0x00201040,)
"""PositionReferenceIndicator, which the table leaves as it is though scanners take any text for it; it may be empty."""
_CURVES, _OVERLAYS = 0x5000, 0x6000
_OVERLAY_ELEMENTS = (0x3000, 0x4000)


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Names and UIDs of nobody in place of a patient's: always the same under one key, and not to be found without it.

    Attributes:
        key: secret bytes.
    """

    key: bytes

    def of_patient(self, patient: str) -> str:
        """Return the pseudonym of a PatientID."""
        return f"ANON-{self._digest('patient', patient)[:_PSEUDONYM_DIGITS].upper()}"

    def of_uid(self, uid: str) -> str:
        """Return the UID in place of another."""
        return generate_uid(entropy_srcs=[self._digest("uid", uid)])

    def _digest(self, kind: str, text: str) -> str:
        return hmac.new(self.key, f"{kind}\0{text}".encode(), "sha256").hexdigest()


def read_key(path: Path) -> bytes:
    """Return the secret key in a file; where there is none, a new one is made that the user alone can read.

    Raises:
        InputError: E101 for a file that is no key.
        ResourceError, UsageError: where it cannot be read or written.
    """
    import secrets

    if not path.exists():
        key = secrets.token_bytes(_KEY_BYTES)
        with files.atomic_path(path, 0o600) as beside:
            beside.write_text(f"{key.hex()}\n")
        return key
    with files.reading_errors(path, "a key of 64 hexadecimal digits"):
        text = regular.read_text(path).strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise InputError(
            "E101",
            f"{path.name} is no key",
            "64 hexadecimal digits",
            "Name the file that an earlier call made, or a new one.",
        )
    return key


@cache
def actions() -> Mapping[int, str]:
    """Return the profile's action for each element: X removes, Z empties, D takes a dummy, U another UID.

    Where the table leaves several, the one that an image of every kind can have: U, else D, else Z.
    """
    lines = regular.read_text(_TABLE).splitlines()[1:]
    rows = dict(line.split(",") for line in lines)
    return {int(tag, 16): next(letter for letter in "UDZX" if letter in words) for tag, words in rows.items()}


def deidentify(dataset: Dataset, pseudonyms: Pseudonyms) -> Dataset:
    """Return elements without what the profile takes out, and with what it says of itself.

    Private elements go, sequences that stay are cleaned item by item. Pixels are not looked at: a face in them, or
    words that were burned in, stay.

    Args:
        dataset: elements of an image; not changed.
        pseudonyms: in place of PatientID, PatientName and UIDs.
    """
    patient = str(dataset.get("PatientID") or "")
    cleaned = _clean(dataset, pseudonyms, pseudonyms.of_patient(patient))
    cleaned.PatientIdentityRemoved = "YES"
    cleaned.DeidentificationMethod = f"transmodal {__version__}: PS3.15 Annex E, Basic Profile"
    cleaned.DeidentificationMethodCodeSequence = [
        coded("113100", "DCM", "Basic Application Confidentiality Profile")
    ]
    cleaned.LongitudinalTemporalInformationModified = "REMOVED"
    return cleaned


def coded(value: str, scheme: str, meaning: str) -> Dataset:
    """Return an item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _clean(dataset: Dataset, pseudonyms: Pseudonyms, patient: str) -> Dataset:
    cleaned = Dataset()
    for element in dataset:
        action = _action_of(element)
        if action == "X":
            continue
        tag, vr, value = element.tag, element.VR, element.value
        if action in ("U", "D") and vr == "UI":
            value = _other_uids(value, pseudonyms)
        elif tag in _PSEUDONYMOUS:
            value = patient
        elif vr == "SQ":
            # A sequence is no value of its own: what it says of a patient stands in its items.
            value = [] if action == "Z" else [_clean(item, pseudonyms, patient) for item in value]
        elif action == "Z":
            value = None
        elif action == "D":
            value = _DUMMIES.get(vr, "ANONYMIZED")
        cleaned.add(DataElement(tag, vr, value))
    return cleaned


def _action_of(element: DataElement) -> str:
    """Return the action on an element, empty where it stays."""
    tag = element.tag
    is_curve = tag.group & 0xFF00 == _CURVES
    is_overlay = tag.group & 0xFF00 == _OVERLAYS and tag.elem in _OVERLAY_ELEMENTS
    if tag.is_private or is_curve or is_overlay:
        return "X"
    if tag in _WORDS_OF_A_PERSON:
        return "Z"
    return actions().get(int(tag), "")


def _other_uids(value: object, pseudonyms: Pseudonyms) -> object:
    if isinstance(value, str):
        return pseudonyms.of_uid(value) if value else value
    return [pseudonyms.of_uid(str(uid)) for uid in value] if isinstance(value, list | tuple) else value
