"""Marks of a synthetic series: how it was derived, from which images, and what equipment made it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from transmodal.notice import INTENDED_USE
from transmodal.volumes.formats.dicom.export.deidentification import Pseudonyms, coded, deidentify
from transmodal.volumes.formats.dicom.export.origin import SeriesOrigin, SourceImage
from transmodal.volumes.formats.dicom.writing import SYNTHETIC, SeriesAbout

_SHORT_TEXT, _LONG_STRING = 1024, 64
_UNDATED = ("19000101", "000000")


class Maker(NamedTuple):
    """The software and the trained run that made a synthetic volume.

    Attributes:
        tool: name of the software.
        version: of it.
        recipe: of the run.
        run: SHA-256 of the run's checkpoint.
        sources: modalities that it was made from.
        target: modality that it shows.
    """

    tool: str
    version: str
    recipe: str
    run: str
    sources: tuple[str, ...]
    target: str


def describe_series(
    origin: SeriesOrigin, maker: Maker, modality: str, seed: str, pseudonyms: Pseudonyms | None = None
) -> SeriesAbout:
    """Return identity and marks of the series of a synthetic volume.

    Its UID follows from all that is said: what is written a second time from the same is the same series.

    Args:
        origin: of whom it is, and from which images.
        maker: of it.
        modality: `CT` or `MR`.
        seed: text that is another one for another volume, such as hashes of voxels and affine.
        pseudonyms: in place of names and UIDs where the series is to be de-identified; None keeps the patient's.

    Raises:
        UsageError: E001 for another modality.
    """
    elements = Dataset()
    elements.update(origin.elements)
    if origin.images:
        elements.SourceImageSequence = [_reference(image) for image in origin.images]
        _refer_to_series(elements, origin.images)
    if pseudonyms is not None:
        elements = deidentify(elements, pseudonyms)
    elements.update(_mark(maker))
    series = generate_uid(entropy_srcs=[seed, modality, maker.run, str(elements)])
    patient, study, frame = (
        str(elements.get(keyword, "")) for keyword in ("PatientID", "StudyInstanceUID", "FrameOfReferenceUID")
    )
    description = f"{SYNTHETIC} {maker.target.upper()}"[:_LONG_STRING]
    about = SeriesAbout(modality, description, patient, study, frame, origin.number, synthetic=True)
    return replace(about, body_part="", series=series, elements=elements)


def content_moment(date: str, time: str) -> tuple[str, str]:
    """Return ContentDate and ContentTime of an object of a study: the moment of writing would make another of one UID.

    Args:
        date: StudyDate; an object of a study without one is of 1900, which is nobody's.
        time: StudyTime.
    """
    return (date, time or "000000") if date else _UNDATED


def _mark(maker: Maker) -> Dataset:
    """Return the elements that say what the images are and what made them."""
    marks = Dataset()
    sources = " and ".join(source.upper() for source in maker.sources)
    words = f"{maker.target.upper()} from {sources} by {maker.recipe}, {maker.tool} {maker.version}"
    marks.DerivationDescription = f"{SYNTHETIC}. {INTENDED_USE} {words}."[:_SHORT_TEXT]
    marks.DerivationCodeSequence = [
        coded("SYNTHESIS", "99TRANSMODAL", "Image translation by a neural network")
    ]
    marks.ContributingEquipmentSequence = [_equipment(maker)]
    marks.Manufacturer = marks.ManufacturerModelName = maker.tool
    marks.SoftwareVersions = maker.version
    marks.BurnedInAnnotation, marks.LossyImageCompression = "NO", "00"
    return marks


def _equipment(maker: Maker) -> Dataset:
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = [coded("109102", "DCM", "Processing Equipment")]
    item.Manufacturer, item.ManufacturerModelName = maker.tool, maker.recipe[:_LONG_STRING]
    item.SoftwareVersions = maker.version
    item.ContributionDescription = f"synthesis by the run of SHA-256 {maker.run}"
    return item


def _reference(image: SourceImage) -> Dataset:
    item = _instance(image)
    item.PurposeOfReferenceCodeSequence = [
        coded("121322", "DCM", "Source image for image processing operation")
    ]
    return item


def _instance(image: SourceImage) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.sop_class, image.instance
    return item


def _refer_to_series(elements: Dataset, images: Sequence[SourceImage]) -> None:
    """Set the series that are referred to: of the study itself, and of other studies by these."""
    studies: dict[str, list[Dataset]] = {}
    for (study, series), group in groupby(images, lambda image: (image.study, image.series)):
        item = Dataset()
        item.SeriesInstanceUID = series
        item.ReferencedInstanceSequence = [_instance(image) for image in group]
        studies.setdefault(study, []).append(item)
    own = studies.pop(str(elements.StudyInstanceUID), [])
    if own:
        elements.ReferencedSeriesSequence = own
    foreign = []
    for study, items in studies.items():
        item = Dataset()
        item.StudyInstanceUID, item.ReferencedSeriesSequence = study, items
        foreign.append(item)
    if foreign:
        elements.StudiesContainingOtherReferencedInstancesSequence = foreign
