"""Marks of a synthetic series: what every image of it says of how it came about."""

from __future__ import annotations

from pathlib import Path

from dicom_files import N_SLICES, series
from transmodal.volumes.formats.dicom.export.deidentification import Pseudonyms
from transmodal.volumes.formats.dicom.export.marking import Maker, describe_series
from transmodal.volumes.formats.dicom.export.origin import placeholder, read_origin

MAKER = Maker("transmodal", "0.1", "mrnet", "ab" * 32, ("t1", "t2"), "ct")


def test_derivation_equipment_and_sources_are_said(tmp_path: Path) -> None:
    origin = read_origin([series(tmp_path / "mr")])
    about = describe_series(origin, MAKER, "CT", "seed")
    elements = about.elements
    assert elements is not None
    assert about.synthetic
    assert (about.patient, about.study, about.frame) == ("A1", "1.2.3", "1.2.9")
    assert elements.DerivationDescription.startswith("SYNTHETIC. Not a medical device.")
    assert elements.DerivationDescription.endswith("CT from T1 and T2 by mrnet, transmodal 0.1.")
    assert elements.DerivationCodeSequence[0].CodingSchemeDesignator == "99TRANSMODAL"
    equipment = elements.ContributingEquipmentSequence[0]
    assert equipment.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
    assert MAKER.run in equipment.ContributionDescription
    assert equipment.SoftwareVersions == "0.1"
    references = [item.ReferencedSOPInstanceUID for item in elements.SourceImageSequence]
    assert references == [image.instance for image in origin.images]
    assert len(references) == N_SLICES


def test_the_same_volume_is_the_same_series_and_another_another() -> None:
    origin = placeholder(seed="a")
    uids = [
        describe_series(origin, MAKER, "CT", "seed").series,
        describe_series(origin, MAKER, "CT", "seed").series,
        describe_series(origin, MAKER, "CT", "other").series,
        describe_series(origin, MAKER._replace(run="cd" * 32), "CT", "seed").series,
        describe_series(placeholder(seed="b"), MAKER, "CT", "seed").series,
        describe_series(origin, MAKER, "CT", "seed", Pseudonyms(b"k" * 32)).series,
    ]
    assert uids[0] == uids[1]
    assert len(set(uids)) == 5


def test_marks_outlive_de_identification(tmp_path: Path) -> None:
    origin, pseudonyms = read_origin([series(tmp_path / "mr")]), Pseudonyms(b"k" * 32)
    about = describe_series(origin, MAKER, "CT", "seed", pseudonyms)
    assert about.elements is not None
    assert about.patient == pseudonyms.of_patient("A1")
    assert about.study == pseudonyms.of_uid("1.2.3")
    assert about.elements.DerivationDescription.startswith("SYNTHETIC")
    assert about.elements.SourceImageSequence[0].ReferencedSOPInstanceUID == pseudonyms.of_uid(
        origin.images[0].instance
    )
