"""Small files of radiotherapy for tests: doses and structure sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RTDoseStorage, RTStructureSetStorage, generate_uid

STORED = np.random.default_rng(1).integers(0, 60000, (4, 5, 6)).astype("<u4")


def dose(folder: Path, **elements: Any) -> Path:  # noqa: ANN401 - whatever an element holds
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = RTDoseStorage, generate_uid()
    one = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    one.SOPClassUID, one.SOPInstanceUID = RTDoseStorage, meta.MediaStorageSOPInstanceUID
    one.PatientID, one.StudyInstanceUID, one.SeriesInstanceUID = "A1", "1.2.3", generate_uid()
    one.Modality, one.FrameOfReferenceUID = "RTDOSE", "1.2.9"
    one.DoseUnits, one.DoseType, one.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    one.DoseGridScaling = "0.001"
    one.NumberOfFrames, one.Rows, one.Columns = STORED.shape
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.BitsAllocated = one.BitsStored = 32
    one.HighBit, one.PixelRepresentation = 31, 0
    one.PixelSpacing = [2.0, 1.5]
    one.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    one.ImagePositionPatient = [-10.0, 20.0, -30.0]
    one.GridFrameOffsetVector = [0.0, 2.5, 5.0, 7.5]
    one.PixelData = STORED.tobytes()
    for keyword, value in elements.items():
        setattr(one, keyword, value)
    folder.mkdir(parents=True, exist_ok=True)
    one.save_as(folder / f"RD{one.SOPInstanceUID[-8:]}.dcm", enforce_file_format=True)
    return folder


Contours = list[tuple[float, list[tuple[float, float]]]]
"""Pairs of z and corners, in LPS mm."""


def box(low: float, high: float) -> list[tuple[float, float]]:
    return [(low, low), (low, high), (high, high), (high, low)]


def structure_set(path: Path, rois: dict[str, Contours], kind: str = "CLOSED_PLANAR") -> Path:
    """Write a structure set of patient CANARY."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = RTStructureSetStorage, generate_uid()
    one = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    one.SOPClassUID, one.SOPInstanceUID = RTStructureSetStorage, meta.MediaStorageSOPInstanceUID
    one.PatientID, one.PatientName, one.Modality = "CANARY", "CANARY", "RTSTRUCT"
    one.SeriesInstanceUID = generate_uid()
    frame = Dataset()
    frame.FrameOfReferenceUID = "1.2.9"
    one.ReferencedFrameOfReferenceSequence = [frame]
    one.StructureSetROISequence, one.ROIContourSequence = [], []
    for number, (name, contours) in enumerate(rois.items(), start=3):
        roi, drawn = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName, drawn.ReferencedROINumber = number, name, number
        drawn.ContourSequence = []
        for z, corners in contours:
            contour = Dataset()
            contour.ContourGeometricType = kind
            contour.NumberOfContourPoints = len(corners)
            contour.ContourData = [value for x, y in corners for value in (x, y, z)]
            drawn.ContourSequence.append(contour)
        one.StructureSetROISequence.append(roi)
        one.ROIContourSequence.append(drawn)
    path.parent.mkdir(parents=True, exist_ok=True)
    one.save_as(path, enforce_file_format=True)
    return path


def slab(low: float, high: float, levels: list[float]) -> Contours:
    return [(z, box(low, high)) for z in levels]
