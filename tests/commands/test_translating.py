"""Translating in words: images and sidecars written, earlier ones kept, notes said once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import transmodal
from recorded_progress import RecordedProgress
from transmodal.errors import UsageError


def test_cases_are_written_with_sidecars_and_kept_the_second_time(folders: Path) -> None:
    images = transmodal.translate("run", "cohort", "out", split="test", gate="off")
    assert images
    for image in images:
        record = json.loads(image.sidecar.read_text())
        assert record["synthetic"] is True
        assert record["notes"] == list(image.notes)
        assert image.to_json()["image"] == str(image.image)
    # Several images go on from where an earlier call stopped; all of them are there here.
    whole = transmodal.translate("run", "cohort", "all", split="all", gate="off")
    times = [image.image.stat().st_mtime_ns for image in whole]
    progress = RecordedProgress()
    again = transmodal.translate("run", "cohort", "all", split="all", gate="off", progress=progress)
    assert [image.image.stat().st_mtime_ns for image in again] == times
    assert progress.lines[0] == "note: 6 of 6 volumes were translated before by this run: they are kept"


def test_a_note_is_said_once(folders: Path) -> None:
    progress = RecordedProgress()
    images = transmodal.translate("run", "cohort", "out", split="all", gate="off", progress=progress)
    notes = {note for image in images for note in image.notes}
    assert sorted(line for line in progress.lines if line.startswith("note: ")) == sorted(
        f"note: {note}" for note in notes
    )


@pytest.mark.parametrize("words", [{"subject": ["01"]}, {"space": "MNI"}])
def test_words_of_a_bids_dataset_need_one(words: dict[str, object], folders: Path) -> None:
    with pytest.raises(UsageError, match="without a BIDS dataset") as refused:
        transmodal.translate("run", "source-t1.nii.gz", "fa.nii.gz", **words)  # type: ignore[arg-type]
    assert refused.value.code == "E004"
    assert not Path("fa.nii.gz").exists()
