"""The study of consistency: finds flicker and lost tissue where they were planted, and nothing where they were not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.cohorts.store import Cohort
from transmodal.errors import UsageError
from transmodal.evaluation.learned.segmenter import Segmenter
from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.record import StudyFigure
from transmodal.experiments.study.run import study
from transmodal.experiments.study.studies import find
from transmodal.experiments.study.studies._base import Findings
from transmodal.experiments.study.studies.consistency import answer, put_in
from transmodal.experiments.study.studies.consistency.answer import STUDY
from transmodal.experiments.study.studies.consistency.flicker import FLICKER, RATIO, SIZE, STEPS
from transmodal.experiments.study.studies.consistency.overlaps import ALL_STRUCTURES, GAIN, LOSS, OVERLAPS
from transmodal.volumes import Volume

BenchOf = Callable[..., Bench[Any]]
Voxels = NDArray[np.floating]


def flicker(target: Volume, number: int) -> Voxels:
    """Plant another gain in every axial slice."""
    gains = 1 + 0.1 * np.random.default_rng([number, 5]).standard_normal(target.voxels.shape[2])
    return noise(target, number) * gains


def noise(target: Volume, number: int) -> Voxels:
    return target.voxels + np.random.default_rng([number, 6]).normal(0, 5, target.voxels.shape)


def copy(target: Volume, number: int) -> Voxels:
    return target.voxels


def invent(target: Volume, number: int) -> Voxels:
    """Return noise that knows no tissue."""
    return np.random.default_rng([number, 7]).normal(100, 30, target.voxels.shape)


def pick(findings: Findings, table: str, figure: str, row: str = "unet", group: str = "z") -> StudyFigure:
    return next(
        f for f in findings.figures if (f.table, f.figure, f.row, f.group) == (table, figure, row, group)
    )


def test_a_planted_effect_is_found(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(flicker, noise))
    ratio = pick(findings, FLICKER, RATIO)
    assert (ratio.value or 0) > 3
    assert ratio.interval is not None
    assert ratio.interval[0] > 2
    assert (ratio.p or 1) < 0.05
    for axis in "xy":
        ends = pick(findings, FLICKER, RATIO, group=axis).interval
        assert ends is not None
        assert ends[1] < 1
    assert (pick(findings, STEPS, SIZE).value or 0) > (pick(findings, STEPS, SIZE, "unet, fused").value or 9)
    assert findings.sentences[0] == (
        "Of 1 translation along one axis 1 leave whole slices off along it, beyond the other axes; of 1 translation with fused "
        "planes 0 do along any."
    )
    assert "whole slices are off along z (" in findings.sentences[1]
    assert "slices of no axis are shown to be off" in findings.sentences[2]


def test_nothing_is_found_where_nothing_was_planted(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(noise))
    for axis in "xyz":
        ratio = pick(findings, FLICKER, RATIO, group=axis)
        assert 0.8 < (ratio.value or 0) < 1.25
        assert ratio.interval is not None
        assert ratio.interval[0] < 1 < ratio.interval[1]
    assert "along one axis 0 leave" in findings.sentences[0]


def test_a_copy_has_no_offset_and_steps_of_the_right_size(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(copy))
    ratio = pick(findings, FLICKER, RATIO)
    assert (ratio.value, ratio.note) == (None, "nothing is off")
    assert pick(findings, STEPS, SIZE).value == pytest.approx(1)


def test_tissue_that_is_there_is_kept(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(copy))
    measured, synthetic, without = (
        pick(findings, OVERLAPS, name, group=ALL_STRUCTURES).value or 0
        for name in ("measured", "synthetic", "without")
    )
    assert measured == synthetic > 0.8 > without + 0.1
    assert pick(findings, OVERLAPS, LOSS, group=ALL_STRUCTURES).value == 0
    assert "is not shown to fall, and is 0." in findings.sentences[-1]


def test_tissue_that_is_lost_is_found(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(invent))
    loss, gain = (pick(findings, OVERLAPS, name, group=ALL_STRUCTURES) for name in (LOSS, GAIN))
    assert (loss.value or 0) < -0.1
    assert (loss.p or 1) < 0.05
    assert (gain.value or 0) < 0.05
    assert "falls by" in findings.sentences[-1]
    assert "is not shown to differ from that without the contrast" in findings.sentences[-1]


def test_a_segmenter_of_volumes_takes_the_contrasts_in_order(
    bench_of: BenchOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = []

    def label(images: NDArray[np.float32]) -> NDArray[np.int64]:
        shapes.append(images.shape)
        return np.where(images[:, 0] > 160, 3, (images[:, 1] > 120) * 1)

    def open_segmenter(path: Path) -> Segmenter:
        return Segmenter(label, (None, None, None), "e" * 64, n_contrasts=2)

    for module in (answer, put_in):
        monkeypatch.setattr(module, "open_onnx", open_segmenter)
    path = tmp_path / "s.onnx"
    path.write_bytes(b"graph")
    named = {"segmenter": str(path), "values": "real"}
    findings = STUDY.answer(bench_of(copy, **named, contrasts=("t2", "t1")))
    assert set(shapes) == {(1, 2, 20, 20, 20)}
    assert "ONNX segmenter" in findings.protocol
    own, first = (pick(findings, OVERLAPS, "measured", group=group) for group in ("label 3", "label 1"))
    assert (own.value or 0) > 0.9
    assert (first.value or 1) < 0.5  # its label 1 is bright in T1, ours is dark
    with pytest.raises(UsageError, match=r"1 contrasts \(t2\) for a segmenter of 2"):
        STUDY.answer(bench_of(copy, **named, contrasts=("t2",)))
    with pytest.raises(UsageError, match="without t2, which unet makes"):
        STUDY.answer(bench_of(copy, **named, contrasts=("t1",)))


def test_contrasts_that_no_case_has_are_left_out(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(copy, contrasts=("t2", "flair")))
    assert [table.name for table in findings.tables] == [FLICKER, STEPS]
    assert "no test case has t2, flair and a segmentation" in findings.omissions[0].reason


def test_runs_of_patches_have_one_row(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(noise, kind="patch"))
    assert {figure.row for figure in findings.figures} == {"unet"}


def test_complete_cases_are_not_done_again(bench_of: BenchOf) -> None:
    calls: list[str] = []
    STUDY.answer(bench_of(noise, calls=calls))
    assert len(calls) == 8 * 3  # steps by its own passes and fused, and the segmentation
    STUDY.answer(bench_of(noise, calls=calls))
    assert len(calls) == 8 * 3


def test_a_trained_run_is_studied_by_the_verb(cohort: Path, recipe: Path, tmp_path: Path) -> None:
    record = study("consistency", [recipe], Cohort.open(cohort), output=tmp_path / "out", device="cpu")
    assert {figure.row for figure in record.figures} == {"unet_regression", "unet_regression, fused"}
    dice = [f for f in record.figures if f.table == OVERLAPS and f.group == ALL_STRUCTURES]
    assert [f.figure for f in dice] == ["measured", "synthetic", "without", LOSS, GAIN]
    assert find("consistency") is STUDY
