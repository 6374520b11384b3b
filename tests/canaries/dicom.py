"""DICOM series with a canary in every element of text, date, time, age, person and UID that can stand there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pydicom
from pydicom import config
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from canaries.words import Canaries
from transmodal.volumes import Volume
from transmodal.volumes.formats.dicom.privacy import quiet
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series

GROUPS = (0x0008, 0x0010, 0x0012, 0x0018, 0x0020, 0x0032, 0x0038, 0x0040, 0x0088, 0x4008)
TEXTS = ("PN", "LO", "SH", "ST", "LT", "UT", "UC", "AS", "AE")
SEQUENCES = (
    *("OtherPatientIDsSequence", "ReferencedPatientSequence", "RequestAttributesSequence"),
    *(
        "ReferringPhysicianIdentificationSequence",
        "PatientInsurancePlanCodeSequence",
        "ProcedureCodeSequence",
    ),
    *("ReferencedStudySequence", "PerformingPhysicianIdentificationSequence", "InstitutionCodeSequence"),
    *(
        "PatientPrimaryLanguageCodeSequence",
        "RequestedProcedureCodeSequence",
        "PerformedProtocolCodeSequence",
    ),
)
READ = frozenset(
    # What a reader needs, or would rightly refuse: whose image it is, which one, of what.
    [
        "SOPClassUID",
        "SOPInstanceUID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "FrameOfReferenceUID",
        "PatientID",
        "SeriesDescription",
        "ContrastBolusAgent",
        "ConcatenationUID",
        "SOPInstanceUIDOfConcatenationSource",
        "MediaStorageSOPClassUID",
    ]
)


def elements() -> list[tuple[int, str]]:
    """Return tag and VR of the elements that get a canary: Table E.1-1 of PS3.15 and many more."""
    return [
        (tag, vr)
        for tag, (vr, _, _, _, keyword) in DicomDictionary.items()
        if tag >> 16 in GROUPS and vr in (*TEXTS, "DA", "TM", "DT", "UI") and keyword not in READ
    ]


@contextmanager
def lenient() -> Iterator[None]:
    """Let pydicom write values that are not as DICOM has them."""
    before = config.settings.writing_validation_mode
    config.settings.writing_validation_mode = config.IGNORE
    with quiet():
        yield
    config.settings.writing_validation_mode = before


def head(seed: int, n_slices: int = 6) -> np.ndarray:
    """Return voxels of a small bright head, `(12, 12, n_slices)`."""
    draw = np.random.default_rng(seed)
    i, j, k = np.indices((12, 12, n_slices)) - np.array([6, 6, n_slices // 2]).reshape(3, 1, 1, 1)
    return ((i**2 + j**2 + 1.5 * k**2 < 20) * (200 + 300 * draw.random(i.shape))).astype(np.int16)


def plant_patient(folder: Path, canaries: Canaries, seed: int) -> None:
    """Write T1 and CT of one patient, each in a folder with a canary for its name."""
    person, study, frame, t1 = canaries.word(), canaries.uid(), canaries.uid(), head(seed)
    for modality, voxels in {"MR": t1, "CT": np.where(t1 > 0, t1 - 300, -1000).astype(np.int16)}.items():
        target = folder / canaries.word("name") / modality
        target.parent.mkdir(parents=True)
        about = SeriesAbout(modality, f"t1_mprage {canaries.word()}", person, study, frame)
        write_series(Volume(voxels, np.diag([-4.0, -4.0, 4.0, 1.0])), target, about)
        shared = _shared(canaries)
        for path in sorted(target.iterdir()):
            dataset = pydicom.dcmread(path)
            dataset.update(shared)
            dataset.PatientID = person
            dataset.file_meta.ImplementationVersionName = canaries.word()
            dataset.file_meta.SourceApplicationEntityTitle = canaries.word()
            dataset.preamble = canaries.word().encode().ljust(128, b"\0")
            dataset.save_as(target / f"{canaries.word('name')}.dcm")
            path.unlink()


def _shared(canaries: Canaries) -> Dataset:
    """Return the elements of a series, with one canary in each."""
    dataset = Dataset()
    for tag, vr in elements():
        dataset.add_new(tag, vr, _value(vr, canaries))
    for keyword in SEQUENCES:
        item = Dataset()
        item.PatientName, item.CodeMeaning, item.PatientID = (canaries.word() for _ in range(3))
        item.OtherPatientIDsSequence = Sequence([Dataset()])
        item.OtherPatientIDsSequence[0].PatientID = canaries.word()
        setattr(dataset, keyword, Sequence([item]))
    for block in (0x0009, 0x0011, 0x0019, 0x0029, 0x0051):
        dataset.add_new((block, 0x0010), "LO", canaries.word())
        for number, vr in enumerate(("LO", "LT", "UT", "PN", "UN", "OB"), start=0x1001):
            word = canaries.word()
            dataset.add_new((block, number), vr, word.encode() if vr in ("UN", "OB") else word)
    return dataset


def _value(vr: str, canaries: Canaries) -> str:
    makers = {"DA": canaries.date, "TM": canaries.time, "DT": canaries.instant, "UI": canaries.uid}
    return makers[vr]() if vr in makers else canaries.word()
