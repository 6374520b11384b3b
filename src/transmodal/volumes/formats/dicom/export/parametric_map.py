"""A volume as one DICOM Parametric Map: 32-bit real numbers with their unit, where a series of images rounds them."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from transmodal.errors import ResourceError
from transmodal.volumes.formats.dicom.export.marking import content_moment
from transmodal.volumes.formats.dicom.headers import read_whole
from transmodal.volumes.formats.dicom.plane import LPS_TO_RAS
from transmodal.volumes.formats.dicom.privacy import quiet
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_slices
from transmodal.volumes.volume import Volume

_OF_TEMPLATES = ("ReferencedSeriesSequence", "InstanceCreationDate", "InstanceCreationTime")
"""Elements of the map that are of the templates, or of the moment."""


class Quantity(NamedTuple):
    """A quantity that a map shows.

    Attributes:
        name: short, such as `FA`.
        unit: UCUM code.
        meaning: of the unit.
        code: of the quantity in DICOM's own terms, and its meaning; empty where there is none.
    """

    name: str
    unit: str = "1"
    meaning: str = "no units"
    code: tuple[str, str] = ("", "")


def write_map(volume: Volume, path: Path, about: SeriesAbout, quantity: Quantity) -> None:
    """Write a grey volume as a Parametric Map whose values are the volume's as float32.

    Args:
        volume: `(I, J, K)`; I runs along rows, J along columns, K from slice to slice.
        path: file to write.
        about: identity and description; its elements are those of the images of a series.
        quantity: that the values are of.

    Raises:
        InputError: as `write_slices`.
        ResourceError: E404 where highdicom is not installed.
    """
    templates = _templates(volume, about)
    frames = np.ascontiguousarray(volume.voxels.transpose(2, 1, 0), dtype=np.float32)
    with quiet():  # highdicom quotes a patient's name that has one part
        dataset = _build_map(templates, frames, about, quantity)
    _set_marks(dataset, about)
    dataset.save_as(path, enforce_file_format=True)


def check_installed() -> None:
    """Refuse to write maps and segmentations where highdicom is not installed; it is not imported.

    Raises:
        ResourceError: E404.
    """
    if find_spec("highdicom") is None:
        raise ResourceError(
            "E404",
            "highdicom is not installed",
            "it, to write parametric maps and segmentations",
            "pip install 'transmodal[dicom]'",
        )


def read_map(path: Path) -> Volume:
    """Return the volume of a map that `write_map` wrote, its frames in the order of the file."""
    dataset = read_whole(path, path.name)
    frames = np.frombuffer(dataset.FloatPixelData, "<f4").reshape(-1, dataset.Rows, dataset.Columns)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    positions = [
        np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        for frame in dataset.PerFrameFunctionalGroupsSequence
    ]
    axes = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3)
    measures = shared.PixelMeasuresSequence[0]
    between_rows, between_columns = map(float, measures.PixelSpacing)
    normal = np.cross(*axes) * float(measures.SliceThickness)
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1] = axes[0] * between_columns, axes[1] * between_rows
    lps[:3, 2] = (positions[-1] - positions[0]) / (len(positions) - 1) if len(positions) > 1 else normal
    lps[:3, 3] = positions[0]
    stack = np.ascontiguousarray(frames.transpose(2, 1, 0), dtype=np.float32)
    return Volume(stack, LPS_TO_RAS @ lps)


def _templates(volume: Volume, about: SeriesAbout) -> list[Dataset]:
    """Return the headers of the slices as images: patient, study and place for the frames of the map."""
    flat = volume.with_voxels(np.zeros(volume.voxels.shape, np.int16))
    with TemporaryDirectory() as scratch:
        write_slices(flat, Path(scratch), about)
        paths = sorted(Path(scratch).iterdir())
        return [read_whole(path, path.name, stop_before_pixels=True) for path in paths]


def _build_map(
    templates: Sequence[Dataset],
    frames: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    about: SeriesAbout,
    quantity: Quantity,
) -> Dataset:
    check_installed()
    from highdicom import VOILUTTransformation, pm
    from highdicom.sr.coding import CodedConcept

    definition = CodedConcept(quantity.code[0], "DCM", quantity.code[1]) if quantity.code[0] else None
    mapping = pm.RealWorldValueMapping(
        quantity.name,
        quantity.name,
        unit=CodedConcept(quantity.unit, "UCUM", quantity.meaning),
        value_range=(float(frames.min()), float(frames.max())),
        slope=1,
        intercept=0,
        quantity_definition=definition,
    )
    first = templates[0]
    low, high = float(frames.min()), float(frames.max())
    return pm.ParametricMap(
        templates,
        frames,
        series_instance_uid=about.series,
        series_number=about.number,
        sop_instance_uid=generate_uid(entropy_srcs=[about.series, "map"]),
        instance_number=1,
        manufacturer=str(first.Manufacturer),
        manufacturer_model_name=str(first.ManufacturerModelName),
        software_versions=str(first.SoftwareVersions),
        device_serial_number="none",
        contains_recognizable_visual_features=True,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[
            VOILUTTransformation((low + high) / 2, max(high - low, 1e-6), voi_lut_function="LINEAR_EXACT")
        ],
        content_label="SYNTHETIC",
        content_description=about.description,
    )


def _set_marks(dataset: Dataset, about: SeriesAbout) -> None:
    """Put the marks of the series on the map, and its true sources in place of the templates."""
    elements = Dataset() if about.elements is None else deepcopy(about.elements)
    for keyword in _OF_TEMPLATES:
        if keyword in dataset:
            delattr(dataset, keyword)
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        if "DerivationImageSequence" in frame:
            del frame.DerivationImageSequence
    if "SourceImageSequence" in elements:
        item = Dataset()
        item.SourceImageSequence = elements.SourceImageSequence
        item.DerivationCodeSequence = elements.DerivationCodeSequence
        dataset.SharedFunctionalGroupsSequence[0].DerivationImageSequence = [item]
        del elements.SourceImageSequence
    dataset.update(elements)
    dataset.SyntheticData = "YES"
    dataset.SeriesDescription = about.description
    organization = generate_uid(entropy_srcs=[about.series, "dimensions"])
    for place in (*dataset.DimensionOrganizationSequence, *dataset.DimensionIndexSequence):
        place.DimensionOrganizationUID = organization
    date, time = (str(dataset.get(keyword) or "") for keyword in ("StudyDate", "StudyTime"))
    dataset.ContentDate, dataset.ContentTime = content_moment(date, time)
