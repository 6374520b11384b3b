"""The command `segmentation`: a mask and a table of names in, the path of one DICOM object out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from dicom_files import series
from transmodal import cli
from transmodal.volumes import io


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    source = io.read(series(tmp_path / "mr"))
    io.write(source.with_voxels((source.voxels > 500).astype(np.uint8) * 3), tmp_path / "mask.nii.gz")
    (tmp_path / "names.tsv").write_text("label\tname\tcode\tmeaning\n3\tbright\t85756007\tTissue\n")
    return tmp_path


def test_names_codes_and_the_program_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    line = "segmentation mask.nii.gz --onto mr -o seg.dcm --names names.tsv --algorithm threshold --series 1"
    assert cli.run(line.split()) == 0
    assert capsys.readouterr().out == "seg.dcm\n"
    (segment,) = pydicom.dcmread("seg.dcm").SegmentSequence
    assert (segment.SegmentLabel, segment.SegmentAlgorithmName) == ("bright", "threshold")
    kind = segment.SegmentedPropertyTypeCodeSequence[0]
    assert (kind.CodingSchemeDesignator, kind.CodeValue, kind.CodeMeaning) == ("SCT", "85756007", "Tissue")


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        ("nowhere.nii.gz --onto mr -o seg.dcm", "E100", "nowhere.nii.gz"),
        ("mask.nii.gz --onto nowhere -o seg.dcm", "E100", "nowhere"),
        ("mask.nii.gz --onto mr -o seg.nii.gz", "E005", ".dcm"),
        ("mask.nii.gz --onto mr -o seg.dcm --series 9", "E001", "series 9"),
        ("names.tsv --onto mr -o seg.dcm", "E102", "names.tsv"),
    ],
)
def test_errors_are_one_line(words: str, code: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["segmentation", *words.split()]) != 0
    line = capsys.readouterr().err
    assert code in line
    assert part in line
    assert not Path("seg.dcm").exists()
