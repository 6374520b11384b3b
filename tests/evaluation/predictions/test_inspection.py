"""Every volume is looked at before it is scored; its record says how it was taken, and doubts become notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError
from transmodal.evaluation.predictions.folder import match, parse
from transmodal.evaluation.predictions.inspection import Look, VolumeReader, fit_values, look_at
from transmodal.evaluation.predictions.reading import ReadingOptions
from transmodal.evaluation.task import EvaluationTask
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import reorient


@pytest.fixture
def look(heads: Cohort, task: EvaluationTask) -> Callable[..., Look]:
    """Return a function that looks at a folder."""

    def at(folder: Path, **options: bool) -> Look:
        cases = heads.cases("test")
        files = match(parse(f"{folder}=tool"), [case.id for case in cases], ["A4", "A5", "A6"]).files
        return look_at(VolumeReader("tool", "ct", files, ReadingOptions(**options)), cases, task, None)  # type: ignore[arg-type]

    return at


def _texts(notes: Sequence[str]) -> str:
    return " ".join(notes)


def test_good_volumes_have_a_record_and_no_note(
    look: Callable[..., Look], write_predictions: Callable[..., Path]
) -> None:
    result = look(write_predictions())
    assert result.notes == ()
    assert not result.has_resampled
    assert result.record["placing"] == ["same grid"]
    assert list(result.record["files"]) == ["A4", "A5", "A6"]
    assert len(result.record["volumes_sha256"]) == 64


def test_mirrored_volumes_are_warned_of_and_not_trusted(
    look: Callable[..., Look], write_predictions: Callable[..., Path]
) -> None:
    def mirror(volume: Volume) -> Volume:
        return volume.with_voxels(np.flip(volume.voxels, 0).copy())

    result = look(write_predictions(mirror))
    assert "WARNING: tool fits its target better mirrored from left to right, in 3 cases" in _texts(
        result.notes
    )

    def lose(volume: Volume) -> Volume:
        return Volume(reorient(volume).voxels, np.eye(4))  # the file's own order was another one

    with pytest.raises(InputError, match="better mirrored from left to right") as refused:
        look(write_predictions(lose, folder="lost"), trusts_shape=True)
    assert refused.value.code == "E130"


def test_a_trusted_shape_is_said(look: Callable[..., Look], write_predictions: Callable[..., Path]) -> None:
    result = look(write_predictions(lambda volume: Volume(volume.voxels, np.eye(4))), trusts_shape=True)
    assert result.record["placing"] == ["shape trusted"]
    assert "3 of 3 volumes had no place in space" in _texts(result.notes)


def test_copies_exchanged_cases_and_one_file_for_all_are_warned_of(
    look: Callable[..., Look],
    write_predictions: Callable[..., Path],
    heads: Cohort,
    head: Callable[..., tuple[Volume, ...]],
) -> None:
    sources = iter([head(n)[1] for n in (4, 5, 6)])
    assert "is a copy of the target" in _texts(look(write_predictions(lambda _: next(sources))).notes)
    sources = iter([head(n)[0] for n in (4, 5, 6)])
    copied = look(write_predictions(lambda _: next(sources), folder="mr"), trusts_values=True)
    assert "is a copy of the source mr" in _texts(copied.notes)
    assert "is the user's word" in _texts(copied.notes)
    assert copied.record["unit"] == "taken on the user's word"
    folder = write_predictions(folder="swapped")
    first, second = (folder / f"A{n}_sct.nii.gz" for n in (4, 5))
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    notes = _texts(look(folder).notes)
    assert "fits the target of case A5 better than its own, in 1 case (A4)" in notes
    assert "fits the target of case A4 better than its own, in 1 case (A5)" in notes
    second.write_bytes(first.read_bytes())
    assert "is one and the same file, in 2 cases" in _texts(look(folder).notes)


def test_another_unit_is_refused_unless_it_is_taken_on_trust(
    look: Callable[..., Look], write_predictions: Callable[..., Path]
) -> None:
    folder = write_predictions(lambda volume: volume.with_voxels(volume.voxels / 4000))
    with pytest.raises(InputError, match="the volume of tool for case A4 with values from") as refused:
        look(folder)
    assert refused.value.code == "E125"
    assert look(folder, trusts_values=True).record["files"]


def test_a_line_is_fitted_to_the_targets_on_request(
    heads: Cohort, write_predictions: Callable[..., Path]
) -> None:
    folder = write_predictions(lambda volume: volume.with_voxels(volume.voxels * np.float32(0.05) + 64))
    files = match(parse(f"{folder}=tool"), ["A4", "A5", "A6"], ["A4", "A5", "A6"]).files
    reader = VolumeReader("tool", "ct", files, ReadingOptions(fits=True))
    fitted = fit_values(reader, heads.cases("test"))
    assert fitted.options.slope == pytest.approx(20, rel=0.05)
    assert fitted.options.intercept == pytest.approx(-1280, rel=0.05)
    inverse = write_predictions(lambda volume: volume.with_voxels(-volume.voxels), folder="inverse")
    files = match(parse(f"{inverse}=tool"), ["A4"], ["A4"]).files
    with pytest.raises(InputError, match="do not rise with those of their targets"):
        fit_values(VolumeReader("tool", "ct", files, ReadingOptions(fits=True)), [heads.case("A4")])
