"""Free text of headers is shown by the words of imaging alone."""

from __future__ import annotations

import pytest

from transmodal.volumes.formats.dicom.imaging_words import mask_description, show_modality

CANARY = "QUOLLVEX"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("t1_mprage_sag_p2_iso", "t1_mprage_sag_p2_iso"),
        ("AX T2 FLAIR 3D 1mm", "AX T2 FLAIR 3D 1mm"),
        ("Doe Jane t1 post Gd", "*** *** t1 post Gd"),
        ("12.04.1965 brain", "***.***.*** brain"),
        ("T1QUOLL", "***"),
        ("", ""),
    ],
)
def test_descriptions_are_shown_by_the_words_of_imaging_alone(text: str, shown: str) -> None:
    assert mask_description(text) == shown


def test_modalities_are_shown_where_dicom_defines_them() -> None:
    assert [show_modality(text) for text in ("MR", "RTSTRUCT", CANARY, "")] == [
        "MR",
        "RTSTRUCT",
        "an unknown Modality",
        "no modality",
    ]
