"""Translations as Parametric Maps: the folder, the sidecar that is of it, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest

from dicom_files import series
from dicom_synthetic import translation
from transmodal.errors import IntegrityError, UsageError
from transmodal.inference.dicom import parametric_map
from transmodal.inference.dicom.parametric_map import FILE, MapForm, quantity_of
from transmodal.inference.provenance.checks import list_checks
from transmodal.volumes import io
from transmodal.volumes.formats.dicom.export.deidentification import Pseudonyms
from transmodal.volumes.formats.dicom.export.origin import placeholder, read_origin
from transmodal.volumes.formats.dicom.export.parametric_map import read_map
from transmodal.volumes.geometry.reorient import resample


def test_map_and_sidecar_belong_together(tmp_path: Path) -> None:
    source = series(tmp_path / "mr")
    made = translation(io.read(source), "fa")
    sidecar = made.write(tmp_path / "fa", form=MapForm("fa", read_origin([source])))
    assert [path.name for path in (tmp_path / "fa").iterdir()] == [FILE]
    back = resample(read_map(tmp_path / "fa" / FILE), made.volume.grid, how="nearest")
    np.testing.assert_array_equal(back.voxels, made.volume.voxels)
    assert pydicom.dcmread(tmp_path / "fa" / FILE).ContentDate == "19000101"  # the source has no date
    record = json.loads(sidecar.read_text())
    assert record["dicom"]["object"] == "parametric-map"
    assert record["notes"] == ["first"]
    assert [check.find_fault() for check in list_checks(tmp_path / "fa")] == [None, None]
    content = bytearray((tmp_path / "fa" / FILE).read_bytes())
    content[-20] ^= 1
    (tmp_path / "fa" / FILE).write_bytes(content)
    assert list_checks(tmp_path / "fa")[1].find_fault() is not None


def test_what_a_map_does_not_say_is_noted(tmp_path: Path) -> None:
    volume = translation(io.read(series(tmp_path / "mr"))).volume
    notes = MapForm("ct", placeholder(seed="a"), Pseudonyms(b"k" * 32)).notes(volume)
    assert [part in note for part, note in zip(("placeholder", "real ones", "face"), notes, strict=True)] == [
        True
    ] * 3


def test_a_map_that_reads_back_otherwise_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = translation(io.read(series(tmp_path / "mr")), "fa")
    monkeypatch.setattr(
        parametric_map, "read_map", lambda path: made.volume.with_voxels(made.volume.voxels + 1)
    )
    with pytest.raises(IntegrityError, match="does not read back"):
        made.write(tmp_path / "fa", form=MapForm("fa", placeholder(seed="a")))
    assert [path.name for path in tmp_path.iterdir()] == ["mr"]


def test_quantities_are_those_of_units() -> None:
    assert quantity_of("fa").code[0] == "110808"
    assert quantity_of("ct").unit == "[hnsf'U]"
    assert quantity_of("t2").name == "T2"
    with pytest.raises(UsageError, match="colour as a map"):
        quantity_of("colour")
