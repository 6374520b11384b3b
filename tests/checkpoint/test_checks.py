from __future__ import annotations

from pathlib import Path

from transmodal.checkpoint import Checkpoint, save
from transmodal.checkpoint.checks import list_checkpoints, list_checks


def test_every_file_is_checked_and_every_fault_named(whole: Checkpoint, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints" / "last"
    save(folder, whole)
    save(folder, whole, keep_previous=True)
    (tmp_path / "checkpoints" / ".partial-x").mkdir()
    assert list_checkpoints(tmp_path) == [folder, folder.with_name("last.previous")]
    checks = list_checks(folder, "last/")
    assert [check.file for check in checks] == [
        "last/manifest.json",
        "last/weights.safetensors",
        "last/optimizers.safetensors",
    ]
    assert [check.find_fault() for check in checks] == [None] * 3
    for name in ("weights.safetensors", "optimizers.safetensors"):
        content = bytearray((folder / name).read_bytes())
        content[-1] ^= 1
        (folder / name).write_bytes(content)
    faults = [check.find_fault() for check in checks]
    assert [fault.file for fault in faults if fault] == [
        "last/weights.safetensors",
        "last/optimizers.safetensors",
    ]


def test_a_manifest_that_is_lost_is_one_fault(whole: Checkpoint, tmp_path: Path) -> None:
    save(tmp_path / "best", whole)
    (tmp_path / "best" / "manifest.json").unlink()
    (check,) = list_checks(tmp_path / "best")
    fault = check.find_fault()
    assert fault is not None
    assert "manifest.json is missing" in fault.fault


def test_folders_below_and_half_written_ones(tmp_path: Path) -> None:
    assert list_checkpoints(tmp_path) == []
    for name in ("last", "best", ".old-last", "last.previous"):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
    (tmp_path / "checkpoints" / "note.txt").touch()
    assert [path.name for path in list_checkpoints(tmp_path)] == ["best", "last", "last.previous"]


def test_files_are_named_from_where_one_verifies(whole: Checkpoint, tmp_path: Path) -> None:
    save(tmp_path / "best", whole)
    assert [check.file for check in list_checks(tmp_path / "best")] == [
        "manifest.json",
        "weights.safetensors",
        "optimizers.safetensors",
    ]
