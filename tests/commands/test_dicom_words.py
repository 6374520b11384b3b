"""The options of DICOM in the words of the command line."""

from __future__ import annotations

import pytest

from transmodal import DicomWords, cli
from transmodal.commands._dicom_words import words_of
from transmodal.errors import UsageError


def test_translate_explains_its_forms(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["translate", "--help"]) == 0
    printed = capsys.readouterr().out
    for option in ("--as", "--patient", "--study", "--deidentify", "--uid-key"):
        assert option in printed


def test_a_form_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["translate", "run", "t1.nii.gz", "-o", "out", "--as", "jpeg"]) == 2
    assert "dicom" in capsys.readouterr().err


def test_python_says_dicom_or_more_of_it() -> None:
    assert words_of("").options() is None
    assert words_of("dicom").options() == words_of(DicomWords()).options()
    options = words_of(DicomWords(patient="7")).options()
    assert options is not None
    assert options.patient == "7"
    with pytest.raises(UsageError, match="jpeg") as refused:
        words_of("jpeg")
    assert refused.value.code == "E001"
