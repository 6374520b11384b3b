"""What headers and names say of a source, and what it means for a run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.headers.source_facts import SourceFacts, header_findings, read_source_facts
from transmodal.volumes import Volume
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series


@pytest.mark.parametrize(
    ("name", "modality", "family"),
    [
        ("sub-01_T1w.nii.gz", "t1", "MR"),
        ("sub-01_ses-2_acq-tse_T2w.nii", "t2", "MR"),
        ("sub-01_FLAIR.nii.gz", "flair", "MR"),
        ("sub-01_ce-gadolinium_T1w.nii.gz", "t1ce", "MR"),
        ("sub-01_ct.nii.gz", "ct", "CT"),
        ("sub-01_bold.nii.gz", "", ""),
        ("patient_T2w.nii.gz", "", ""),
        ("T1_of_the_T2_study.nii.gz", "", ""),
    ],
)
def test_bids_names_say_what_they_say_and_others_nothing(name: str, modality: str, family: str) -> None:
    own = read_source_facts(Path(name))
    assert (own.modality, own.family) == (modality, family)


def test_a_dicom_series_says_its_kind_and_body_part(tmp_path: Path) -> None:
    volume = Volume(np.arange(4 * 5 * 3).reshape(4, 5, 3).astype(np.int16), np.eye(4))
    about = SeriesAbout("CT", "abdomen", "p", "1.2.3", "1.2.4", body_part="ABDOMEN")
    write_series(volume, tmp_path / "ct", about)
    assert read_source_facts(tmp_path / "ct") == SourceFacts("its DICOM header", "CT", "", "ABDOMEN")
    write_series(volume, tmp_path / "mr", SeriesAbout("MR", "t2_tse_tra", "p", "1.2.3", "1.2.4"))
    assert read_source_facts(tmp_path / "mr").family == "MR"
    (tmp_path / "empty").mkdir()
    assert read_source_facts(tmp_path / "empty") == SourceFacts()


def test_a_converters_json_says_scanner_and_body_part(tmp_path: Path) -> None:
    (tmp_path / "scan.json").write_text(json.dumps({"Modality": "MR", "BodyPartExamined": "KNEE"}))
    assert read_source_facts(tmp_path / "scan.nii.gz") == SourceFacts(
        "the JSON file beside it", "MR", "", "KNEE"
    )
    (tmp_path / "odd.json").write_text(json.dumps({"Modality": 3}))
    assert read_source_facts(tmp_path / "odd.nii.gz") == SourceFacts()


def findings(
    own: SourceFacts, expected: str, *, head: bool = True, passes: bool = True
) -> list[tuple[str, str]]:
    return [
        (one.outcome, one.text) for one in header_findings(own, expected, is_head=head, image_passes=passes)
    ]


def test_another_scanner_is_refused_whatever_the_image_shows() -> None:
    ct = SourceFacts("its DICOM header", "CT")
    for expected in ("t1", "mr", "flair"):
        assert findings(ct, expected) == [
            ("refuse", f"its DICOM header says CT; the run takes {expected}"),
        ]
    assert findings(ct, "ct") == []
    assert findings(ct, "histology") == []
    assert findings(SourceFacts("its DICOM header", "MR"), "ct")[0][0] == "refuse"


def test_another_sequence_is_refused_unless_the_image_looks_right() -> None:
    t2 = SourceFacts("its BIDS name", "MR", "t2")
    assert findings(t2, "t1", passes=False)[0][0] == "refuse"
    assert findings(t2, "t1", passes=True)[0][0] == "warn"
    assert findings(t2, "t2") == []
    assert findings(t2, "mr") == []
    assert findings(SourceFacts("its BIDS name", "MR", "t1ce"), "t1", passes=False)[0][0] == "warn"


def test_a_body_part_only_warns() -> None:
    knee = SourceFacts("its DICOM header", "MR", "t1", "KNEE")
    assert findings(knee, "t1") == [
        ("warn", "its DICOM header says a BodyPartExamined that is no head; training had heads")
    ]
    assert findings(knee, "t1", head=False) == []
    assert findings(SourceFacts("its DICOM header", "MR", "t1", "Head_Routine"), "t1") == []


def test_a_text_that_is_no_modality_is_not_shown(tmp_path: Path) -> None:
    image = tmp_path / "anna.nii.gz"
    image.touch()
    (tmp_path / "anna.json").write_text(
        json.dumps({"Modality": "Anna Doe", "BodyPartExamined": "of Anna Doe"})
    )
    facts = read_source_facts(image)
    texts = [finding.text for finding in header_findings(facts, "t1", is_head=True, image_passes=True)]
    assert texts == [
        "the JSON file beside it says another Modality; the run takes t1",
        "the JSON file beside it says a BodyPartExamined that is no head; training had heads",
    ]
