"""Translating in words: images and sidecars written, earlier ones kept, notes said once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

import transmodal
from recorded_progress import RecordedProgress
from transmodal import cli, parallel
from transmodal.errors import InputError, UsageError
from transmodal.parallel import Item, Key, Result


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


class LossyCrew:
    """A crew of which one worker is killed while it writes an image, which another one, at work since, writes anew."""

    def run(self, work: Callable[[Item], Result], items: Mapping[Key, Item]) -> Iterator[tuple[Key, Result]]:
        for key, item in items.items():
            yield key, work(item)
            for name in (".partial-abcd1234.nii.gz", ".partial-abcd1235"):
                Path("out", name).touch()


def test_nothing_half_written_is_left_by_workers_that_died(folders: Path) -> None:
    with parallel.employing(LossyCrew()):
        images = transmodal.translate("run", "cohort", "out", split="all", gate="off")
    assert len(images) == 6
    assert not [path.name for path in Path("out").iterdir() if path.name.startswith(".")]


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


@pytest.fixture
def second(folders: Path) -> Path:
    """Return another run: the last checkpoint of the first as its best."""
    shutil.copytree(folders / "run", folders / "second")
    shutil.rmtree(folders / "second" / "checkpoints" / "best")
    (folders / "second" / "checkpoints" / "last").rename(folders / "second" / "checkpoints" / "best")
    return folders / "second"


def test_runs_translate_together_and_say_where_they_disagree(folders: Path, second: Path) -> None:
    words: tuple[str, str] = ("source-t1.nii.gz", "both.nii.gz")
    (image,) = transmodal.translate("run", *words, with_run=second, disagreement=True, gate="off")
    alone = [transmodal.translate(run, words[0], f"{run}.nii.gz", gate="off")[0] for run in ("run", "second")]
    volumes = [transmodal.read(made.image).voxels for made in alone]
    np.testing.assert_allclose(transmodal.read(image.image).voxels, np.mean(volumes, axis=0), atol=1e-6)
    spread = transmodal.read("both_run_disagreement.nii.gz").voxels
    np.testing.assert_allclose(spread, np.std(volumes, axis=0), atol=1e-6)
    assert spread.max() > 0
    record = json.loads(image.sidecar.read_text())
    manifests = [json.loads(made.sidecar.read_text())["checkpoint"]["manifest_sha256"] for made in alone]
    assert [run["checkpoint"]["manifest_sha256"] for run in record["ensemble"]["runs"]] == manifests
    assert "over the runs that became" in json.loads(Path("both_run_disagreement.json").read_text())["shows"]
    for run in ("run", "second"):
        assert transmodal.verify("both.nii.gz", run=run).is_whole
    # The same words keep it; one run less is another translation.
    progress = RecordedProgress()
    transmodal.translate("run", *words, with_run=[second], disagreement=True, gate="off", progress=progress)
    assert "is already there" in progress.lines[0]
    for other in ({}, {"with_run": second, "combine": "median"}):
        with pytest.raises(UsageError, match="exists"):
            transmodal.translate("run", *words, disagreement=True, axes="x,z", gate="off", **other)  # type: ignore[arg-type]


def test_an_ensemble_is_made_again_byte_for_byte(folders: Path, second: Path) -> None:
    for name in ("run", "second"):
        (folders / "runs").mkdir(exist_ok=True)
        (folders / name).rename(folders / "runs" / name)
    runs = [folders / "runs" / name for name in ("run", "second")]
    source = "source-t1.nii.gz"
    words = {"axes": "x,z", "flips": "y", "combine": "median", "disagreement": True, "gate": "off"}
    transmodal.translate(runs[0], source, "fa.nii.gz", with_run=runs[1], **words)  # type: ignore[arg-type]
    for named in (None, runs, runs[::-1]):
        again = transmodal.reproduce("fa.json", source, run=named)
        assert again.is_equal, again.lines()
        assert dict(again.images) == {"fa.nii.gz": (), "fa_run_disagreement.nii.gz": ()}
        assert again.differences == ()
    shutil.rmtree(runs[1])
    shutil.rmtree(runs[0] / "checkpoints" / "last")  # which is the second's best
    for named in (None, runs[:1]):
        with pytest.raises(InputError, match="no run here with the checkpoint") as caught:
            transmodal.reproduce("fa.json", source, run=named)
        assert caught.value.code == "E134"
        assert "each behind a --run" in caught.value.remedy


def test_mirrored_passes_are_recorded_and_made_again(folders: Path) -> None:
    source = "source-t1.nii.gz"
    (image,) = transmodal.translate("run", source, "fa.nii.gz", flips="x", disagreement=True, gate="off")
    assert json.loads(image.sidecar.read_text())["passes"]["flips"] == ["x"]
    assert Path("fa_disagreement.nii.gz").exists()
    assert transmodal.reproduce("fa.json", source).is_equal
    transmodal.translate("run", source, "plain.nii.gz", gate="off")
    plain, mirrored = (transmodal.read(name).voxels for name in ("plain.nii.gz", "fa.nii.gz"))
    assert not np.array_equal(plain, mirrored)


def test_words_of_an_ensemble(folders: Path, second: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["source-t1.nii.gz", "-o", "fa.nii.gz", "--force"]
    assert cli.run(["translate", "run", *words, "--combine", "median"]) == 2
    assert "--combine median of one run" in capsys.readouterr().err
    assert cli.run(["translate", "run", *words, "--with-run", "run"]) == 2
    assert "twice" in capsys.readouterr().err
    assert cli.run(["translate", "run", *words, "--with-run", "second", "--combine", "median"]) == 0
    assert capsys.readouterr().out == "fa.nii.gz\n"
    assert cli.run(["translate", "run", *words, "--with-run", "second", "--flips", "z", "--axes", "z"]) == 2
