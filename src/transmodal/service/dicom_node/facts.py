"""The first elements of an instance: what it is and which series it is of. Neither pixels nor anything behind is read."""

from __future__ import annotations

import re
from io import BytesIO
from typing import NamedTuple

from pydicom.datadict import tag_for_keyword
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag

from transmodal.errors import InputError
from transmodal.service.dicom_node.rules import SeriesFacts
from transmodal.storage import files
from transmodal.volumes.formats.dicom.privacy import guarded

_LAST = 0x0020000E
"""SeriesInstanceUID; elements are in order."""
_KEYWORDS = ("SOPInstanceUID", "Modality", "SeriesDescription", "SyntheticData", "SeriesInstanceUID")
_TAGS = tuple(filter(None, map(tag_for_keyword, _KEYWORDS)))
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_MARK_DIGITS = 32


class InstanceFacts(NamedTuple):
    """Facts of an instance that is not decoded.

    Attributes:
        instance: its SOPInstanceUID.
        series: mark of its series, which says nothing of the UID.
        about: what rules look at.
    """

    instance: str
    series: str
    about: SeriesFacts


def read_facts(content: bytes, caller: str) -> InstanceFacts:
    """Read the first elements of an instance.

    Args:
        content: a DICOM file.
        caller: AE title of the sender.

    Raises:
        InputError: E101 for what cannot be read, E103 without UIDs.
    """
    with guarded("an instance"):
        dataset = read_partial(BytesIO(content), stop_when=_is_behind, specific_tags=list(_TAGS))
        values = {keyword: str(dataset.get(keyword) or "") for keyword in _KEYWORDS}
    instance, series = values["SOPInstanceUID"], values["SeriesInstanceUID"]
    for uid in (instance, series):
        if len(uid) > 64 or not _UID.fullmatch(uid):
            raise InputError(
                "E103", "an instance without UIDs", "its own and that of its series", "Export it again."
            )
    about = SeriesFacts(
        values["Modality"], values["SeriesDescription"], caller, is_synthetic(values["SyntheticData"])
    )
    return InstanceFacts(instance, mark(series), about)


def mark(uid: str) -> str:
    """Return what stands for a UID in the queue, in logs and as a name."""
    return files.sha256_text(uid)[:_MARK_DIGITS]


def is_synthetic(word: str) -> bool:
    """Return whether the value of SyntheticData says so."""
    return word.strip().upper() == "YES"


def _is_behind(tag: BaseTag, representation: str | None, length: int) -> bool:
    return int(tag) > _LAST
