"""Volumes as Parametric Maps: the same real numbers in the same place, and no error of dciodvfy's."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pydicom
import pytest

from dicom_files import N_SLICES, series
from dicom_tools import dciodvfy_errors, needs
from transmodal.errors import ResourceError
from transmodal.volumes import Volume, io
from transmodal.volumes.formats.dicom.export.deidentification import Pseudonyms
from transmodal.volumes.formats.dicom.export.marking import Maker, describe_series
from transmodal.volumes.formats.dicom.export.origin import placeholder, read_origin
from transmodal.volumes.formats.dicom.export.parametric_map import (
    Quantity,
    check_installed,
    read_map,
    write_map,
)
from transmodal.volumes.geometry.reorient import reorient, resample

MAKER = Maker("transmodal", "0.1", "mrnet", "ab" * 32, ("t1",), "fa")
FA = Quantity("FA", code=("110808", "Fractional Anisotropy"))


def source(folder: Path) -> Path:
    def dated(header: pydicom.Dataset, _: int) -> None:
        header.StudyDate, header.StudyTime, header.ReferringPhysicianName = "20240229", "101112", "Doc^Tor"

    return series(folder, change=dated)


@needs("dciodvfy")
@pytest.mark.parametrize("pseudonyms", [None, Pseudonyms(b"k" * 32)])
def test_a_map_holds_the_very_numbers_and_its_sources(tmp_path: Path, pseudonyms: Pseudonyms | None) -> None:
    folder = source(tmp_path / "mr")
    volume = io.read(folder)
    volume = volume.with_voxels(np.random.default_rng(1).random(volume.voxels.shape).astype(np.float32))
    origin = read_origin([folder])
    about = describe_series(origin, MAKER, "MR", "seed", pseudonyms)
    for name in ("a.dcm", "b.dcm"):
        write_map(volume, tmp_path / name, about, FA)
    back = resample(read_map(tmp_path / "a.dcm"), volume.grid, how="nearest")
    np.testing.assert_array_equal(back.voxels, volume.voxels)
    assert dciodvfy_errors(tmp_path / "a.dcm") == []
    header = pydicom.dcmread(tmp_path / "a.dcm")
    assert header.SyntheticData == "YES"
    assert header.SeriesDescription == "SYNTHETIC FA"
    assert header.ContentQualification == "RESEARCH"
    mapping = header.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "1"
    assert mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0].CodeValue == "110808"
    references = header.SharedFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence
    instances = [image.instance for image in origin.images]
    assert len(references) == N_SLICES
    assert ([item.ReferencedSOPInstanceUID for item in references] == instances) is (pseudonyms is None)
    assert str(header.FrameOfReferenceUID) == about.frame
    if pseudonyms is not None:
        content = (tmp_path / "a.dcm").read_bytes()
        assert not any(
            word in content for word in (b"20240229", b"Doc^Tor", b"1.2.9\0", *map(str.encode, instances))
        )
    else:
        assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()


@pytest.mark.parametrize("code", ["LPS", "PSR", "RAI"])
def test_a_map_lies_where_the_volume_lies(tmp_path: Path, code: str) -> None:
    values = np.random.default_rng(1).random((4, 5, 3)).astype(np.float32)
    volume = reorient(Volume(values, np.diag([0.7, 1.3, 2.9, 1.0])), code)
    write_map(volume, tmp_path / "m.dcm", describe_series(placeholder(seed="a"), MAKER, "MR", "s"), FA)
    back = resample(read_map(tmp_path / "m.dcm"), volume.grid, how="nearest")
    np.testing.assert_array_equal(back.voxels, volume.voxels)
    assert (
        "DerivationImageSequence" not in pydicom.dcmread(tmp_path / "m.dcm").SharedFunctionalGroupsSequence[0]
    )


def test_what_is_missing_names_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.find_spec
    module = "transmodal.volumes.formats.dicom.export.parametric_map.find_spec"
    monkeypatch.setattr(module, lambda name: None if name == "highdicom" else spec(name))
    with pytest.raises(ResourceError, match="highdicom is not installed") as refused:
        check_installed()
    assert refused.value.code == "E404"
    assert "transmodal[dicom]" in refused.value.remedy
