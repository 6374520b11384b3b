"""A layout is added by one file: it is listed, described, found and prepared, and no shared list is edited."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from transmodal import cli
from transmodal.cohorts import layouts
from transmodal.cohorts.store import Cohort
from transmodal.errors import UsageError
from transmodal.volumes import Volume, io

MODULE = '''"""Scans of a night shift: a file per contrast, named after the patient.

    anna_t1.nii.gz  anna_t2.nii.gz
"""

from dataclasses import dataclass
from pathlib import Path

from transmodal.cohorts import release_files
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.layouts import FolderContents
from transmodal.volumes.reading import STRICT, Reading


@dataclass(frozen=True)
class Options:
    """What can be set with `--with`.

    Attributes:
        need: contrasts that a patient needs to be taken.
    """

    need: tuple[str, ...] = ("t1", "t2")


def find(folder: Path, options: Options = Options(), reading: Reading = STRICT) -> FolderContents[CaseFiles]:
    """Find the patients of a night shift.

    Raises:
        InputError: E100 when the folder does not exist or holds no case, E131 when no case is complete.
    """
    parts: release_files.Parts = {}
    for path in release_files.files_below(folder, "anna_t1.nii.gz"):
        patient, _, contrast = release_files.stem(path).rpartition("_")
        release_files.add(parts, patient, contrast, path)
    need = dict.fromkeys(parts, options.need)
    complete, left_out = release_files.complete(parts, need, folder, "anna_t1.nii.gz")
    cases = [CaseFiles(name, name, parts[name], reading=reading) for name in complete]
    return FolderContents(cases, left_out=left_out)
'''
SHARED = "def find(names):\n    return sorted(names)\n"
"""A helper with a function of that name, which makes no layout of it."""


@pytest.fixture
def night_shift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the new layout, whose module lies beside the others."""
    package, folder = tmp_path / "more_layouts", tmp_path / "night"
    package.mkdir()
    (package / "night_shift.py").write_text(MODULE)
    (package / "_shared.py").write_text(SHARED)
    monkeypatch.setattr(layouts, "__path__", [*layouts.__path__, str(package)])
    importlib.invalidate_caches()
    folder.mkdir()
    for number, patient in enumerate(("anna", "ben", "cleo")):
        for seed, contrast in enumerate(("t1", "t2")):
            voxels = np.random.default_rng([number, seed]).integers(1, 900, (9, 8, 7)).astype(np.int16)
            io.write(Volume(voxels, np.eye(4)), folder / f"{patient}_{contrast}.nii.gz")
    (folder / "ben_t2.nii.gz").unlink()
    yield folder
    sys.modules.pop("transmodal.cohorts.layouts.night_shift", None)


def test_it_is_listed_and_described(night_shift: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "night_shift" in layouts.names()
    assert "_shared" not in layouts.names()
    assert cli.run(["prepare", "--help"]) == 0
    listed = capsys.readouterr().out
    assert "night_shift   Scans of a night shift: a file per contrast, named after the patient." in listed
    assert cli.run(["prepare", "night_shift", "--help"]) == 0
    assert "need: contrasts that a patient needs to be taken. Default: t1,t2." in capsys.readouterr().out


def test_it_is_prepared(night_shift: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = f"prepare night_shift {night_shift} -o {tmp_path}/cohort --split 1:0:1 --workers 1"
    assert cli.run(line.split()) == 0
    assert [case.id for case in Cohort.open(tmp_path / "cohort").cases()] == ["anna", "cleo"]
    assert cli.run([*line.split(), "--with", "neeed=t1"]) == 2
    assert "Did you mean need?" in capsys.readouterr().err


def test_a_misspelt_layout_leads_to_it(night_shift: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean night_shift"):
        layouts.find("night_shifts", night_shift)


def test_it_keeps_the_contract(night_shift: Path) -> None:
    layout: layouts.Layout[object] = layouts.load("night_shift")
    assert [case.id for case in layout.find(night_shift).cases] == ["anna", "cleo"]
    assert not isinstance(layout, layouts.WritableLayout)
    assert isinstance(layouts.load("folders"), layouts.WritableLayout)
