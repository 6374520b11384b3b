"""What a folder is, and the files of it that are compared."""

from __future__ import annotations

from pathlib import Path

import pytest

import transmodal
from recorded_progress import RecordedProgress
from transmodal.commands._verifying import Verification
from transmodal.errors import InputError
from transmodal.storage.faults import Fault


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("cohort", "cohort"),
        ("run", "run"),
        ("run/checkpoints/best", "checkpoint"),
        ("evaluation", "evaluation"),
        ("evaluation/evaluation.json", "evaluation"),
    ],
)
def test_a_folder_is_known_by_what_lies_in_it(place: str, kind: str, folders: Path) -> None:
    progress = RecordedProgress()
    whole = transmodal.verify(place, progress=progress)
    assert (whole.kind, whole.is_whole, whole.files) == (kind, True, len(progress.calls))
    assert whole.text() == f"{kind}: {whole.files} files are what was written"
    assert progress.calls[-1][:3] == ("verify", whole.files, whole.files)


def test_faults_are_counted_in_words() -> None:
    verification = Verification("run", 4, (Fault("weights.safetensors", "was changed", "Copy it again."),))
    assert not verification.is_whole
    assert verification.text() == "run: 1 of 4 files are not what was written"


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="no cohort, run, checkpoint, evaluation or synthetic image"
    ) as refused:
        transmodal.verify(tmp_path)
    assert refused.value.code == "E100"


def test_an_image_that_lost_its_sidecar_is_a_fault_of_its_folder(folders: Path) -> None:
    transmodal.translate("run", "cohort", "out", split="all", gate="off")
    assert transmodal.verify("out").is_whole
    lost, *_ = sorted((folders / "out").glob("*.json"))
    lost.unlink()
    faults = transmodal.verify("out").faults
    assert [fault.file for fault in faults] == [f"{lost.stem}.nii.gz"]
    assert "is synthetic and has no sidecar" in faults[0].fault
