from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from transmodal.evaluation.verify.stored import find_records, list_checks
from transmodal.storage import files, sealed

EARLIER = Path(__file__).parent.parent.parent / "contract" / "earlier" / "evaluation"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(EARLIER, tmp_path / "evaluation")
    return tmp_path / "evaluation"


def test_every_stored_volume_is_checked(folder: Path) -> None:
    checks = list_checks(folder / "evaluation.json", "evaluation/")
    assert len(checks) == 1 + 4 * 2
    assert checks[1].owner == "case sub0, unet_regression"
    assert checks[1].file == "evaluation/volumes/01-unet_regression/sub0.nii.gz"
    assert [check.find_fault() for check in checks] == [None] * 9


def test_records_of_a_run_are_found(folder: Path) -> None:
    path = folder / "evaluation.json"
    shutil.copytree(folder, folder.with_name("evaluation-away"))
    assert find_records(folder) == find_records(path) == [path]
    assert find_records(folder.parent) == [path, folder.with_name("evaluation-away") / path.name]
    assert find_records(folder / "timing.json") == find_records(folder / "volumes") == []


def test_an_evaluation_without_pairs_shows_an_edit(tmp_path: Path) -> None:
    path = tmp_path / "unpaired.json"
    files.write_json(path, sealed.seal({"cycles": [0.25]}))
    (check,) = list_checks(path)
    assert check.find_fault() is None
    files.write_json(path, {**files.read_json(path), "cycles": [0.5]})
    fault = check.find_fault()
    assert fault is not None
    assert "was changed since it was written" in fault.fault
