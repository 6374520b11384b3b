"""Elements without what PS3.15's table E.1-1 takes out: each of its rows, and what must stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from transmodal.errors import InputError
from transmodal.volumes.formats.dicom.export.deidentification import (
    Pseudonyms,
    actions,
    coded,
    deidentify,
    read_key,
)

PSEUDONYMS = Pseudonyms(b"k" * 32)
UID = "1.2.840.99.7"
VALUES: dict[str, Any] = {
    **dict.fromkeys(("DA", "DT"), "20240229"),
    **dict.fromkeys(("TM",), "121314"),
    **dict.fromkeys(("AS",), "077Y"),
    **dict.fromkeys(("DS", "IS"), "77"),
    **dict.fromkeys(("FD", "FL", "SL", "SS", "UL", "US"), 77),
    **dict.fromkeys(("OB", "OW", "UN"), b"CANARY"),
    **dict.fromkeys(("UI",), UID),
}
"""Rows that the standard's table has, written out from its text: one for each action, and combinations."""
WRITTEN_OUT = {
    "AccessionNumber": "Z",
    "PatientName": "Z",
    "PatientID": "D",
    "PatientBirthDate": "Z",
    "PatientAge": "X",
    "PatientWeight": "X",
    "StudyDate": "Z",
    "StudyDescription": "X",
    "StudyInstanceUID": "U",
    "FrameOfReferenceUID": "U",
    "SOPInstanceUID": "U",
    "SourceImageSequence": "U",
    "ReferencedSOPInstanceUID": "U",
    "SeriesDescription": "X",
    "DerivationDescription": "X",
    "InstitutionName": "D",
    "StationName": "D",
    "OperatorsName": "D",
    "ContentDate": "D",
    "SeriesDate": "D",
    "ReferringPhysicianName": "Z",
}


def element(tag: int) -> DataElement:
    vr = dictionary_VR(tag).split(" or ")[0]
    inner = Dataset()
    inner.PatientComments, inner.CodeMeaning = "CANARY", "stays"
    return DataElement(Tag(tag), vr, [inner] if vr == "SQ" else VALUES.get(vr, "CANARY"))


def test_every_row_of_the_table_is_done() -> None:
    tags = [tag for tag in actions() if dictionary_has_tag(tag)]
    assert len(actions()) == 617
    assert len(tags) > 600
    dataset = Dataset()
    for tag in tags:
        dataset.add(element(tag))
    cleaned = deidentify(dataset, PSEUDONYMS)
    own = {"DeidentificationMethod", "DeidentificationMethodCodeSequence", "PatientIdentityRemoved"}
    own |= {"LongitudinalTemporalInformationModified"}
    for tag in tags:
        action, before = actions()[tag], dataset[tag]
        if before.keyword in own:
            continue
        assert (tag in cleaned) is (action != "X"), before.keyword
        if action == "X":
            continue
        after = cleaned[tag].value
        if before.VR == "SQ":
            assert all("PatientComments" not in item for item in after), before.keyword
        elif before.keyword in ("PatientName", "PatientID"):
            assert after == PSEUDONYMS.of_patient("CANARY")
        elif action == "Z":
            assert cleaned[tag].is_empty, before.keyword
        elif before.VR == "UI":
            assert after == PSEUDONYMS.of_uid(UID), before.keyword
        else:
            assert not cleaned[tag].is_empty, before.keyword
            assert after != before.value, before.keyword
    assert "CANARY" not in str(cleaned)


@pytest.mark.parametrize("keyword", WRITTEN_OUT)
def test_rows_are_those_of_the_standard(keyword: str) -> None:
    assert actions()[int(Tag(keyword))] == WRITTEN_OUT[keyword]


def test_private_elements_curves_and_overlays_go_and_what_is_no_identity_stays() -> None:
    dataset = Dataset()
    dataset.add(DataElement(0x00291010, "LO", "CANARY"))
    dataset.add(DataElement(0x50020010, "LO", "CANARY"))
    dataset.add(DataElement(0x60003000, "OW", b"CANARY"))
    dataset.add(DataElement(0x60000010, "US", 5))
    dataset.Rows, dataset.PatientPosition = 7, "HFS"
    dataset.PositionReferenceIndicator = "mark on CANARY"
    cleaned = deidentify(dataset, PSEUDONYMS)
    assert "CANARY" not in str(cleaned)
    assert (cleaned.Rows, cleaned.PatientPosition, cleaned[0x60000010].value) == (7, "HFS", 5)


def test_uids_are_replaced_alike_everywhere_and_under_one_key_alone() -> None:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.4", UID
    item.PurposeOfReferenceCodeSequence = [coded("121322", "DCM", "Source image")]
    dataset = Dataset()
    dataset.SOPInstanceUID, dataset.SourceImageSequence, dataset.PatientID = UID, [item], "77"
    cleaned, other = (deidentify(dataset, Pseudonyms(key * 32)) for key in (b"k", b"l"))
    reference = cleaned.SourceImageSequence[0]
    assert cleaned.SOPInstanceUID == reference.ReferencedSOPInstanceUID != UID
    assert reference.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.4"
    assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    assert cleaned.PatientID != other.PatientID
    assert cleaned.SOPInstanceUID != other.SOPInstanceUID
    assert dataset.PatientID == "77"
    assert cleaned.PatientIdentityRemoved == "YES"
    assert cleaned.DeidentificationMethodCodeSequence[0].CodeValue == "113100"


def test_a_key_is_made_once_for_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert read_key(path) == read_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("no key")
    with pytest.raises(InputError, match="is no key") as refused:
        read_key(path)
    assert refused.value.code == "E101"
