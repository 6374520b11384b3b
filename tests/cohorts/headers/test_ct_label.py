"""Which CT a series is, by its words, its image type and its scanner."""

from __future__ import annotations

import pytest

from transmodal.cohorts.headers.ct_label import label


@pytest.mark.parametrize(
    ("description", "image_type", "scanner", "modality"),
    [
        ("Kopf nativ 1.0", ("ORIGINAL", "PRIMARY", "AXIAL"), "SIEMENS Sensation 64", "ct"),
        ("Planning CT", ("ORIGINAL", "PRIMARY"), "", "ct"),
        ("Abd map_reduce-less", ("ORIGINAL", "PRIMARY"), "", ""),
        ("CBCT H&N", (), "Varian", "cbct"),
        ("kv_cb pelvis", (), "", "cbct"),
        ("kV_CB", (), "", "cbct"),
        ("kVCB Pelvis", (), "", "cbct"),
        ("kV CT 1a", ("ORIGINAL", "PRIMARY"), "", "ct"),
        ("Head", ("ORIGINAL", "PRIMARY"), "Elekta XVI", "cbct"),
        ("Head", ("ORIGINAL", "PRIMARY"), "SIEMENS DynaCT", "cbct"),
        ("Head", ("ORIGINAL", "PRIMARY"), "NewTom VGi", "cbct"),
        ("Kegel", (), "Varian On-Board Imager OBI", "cbct"),
        ("MVCT daily", (), "TomoTherapy", ""),
        ("sCT from MR", (), "", ""),
        ("MIP cor", (), "", ""),
        ("Head", ("DERIVED", "SECONDARY", "LOCALIZER"), "", ""),
    ],
)
def test_words_types_and_scanners(
    description: str, image_type: tuple[str, ...], scanner: str, modality: str
) -> None:
    assert label(description, "", image_type, scanner).modality == modality


def test_what_is_left_aside_says_why() -> None:
    megavolt = label("mvct", "", (), "")
    computed = label("Synthetic CT", "MR-only brain", (), "")
    derived = label("Topogram 0.6", "", (), "")
    reasons = [megavolt.reason, computed.reason, derived.reason]
    assert ["megavolts" in reasons[0], "computed from MR" in reasons[1], "than HU" in reasons[2]] == [
        True
    ] * 3
    assert label("Kopf", "", (), "").reason == ""
