"""The study of planes: finds disagreement where it was planted at the error, and nothing where it was planted elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import UsageError
from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.record import StudyFigure
from transmodal.experiments.study.studies import find
from transmodal.experiments.study.studies._base import Findings
from transmodal.experiments.study.studies.planes.answer import STUDY
from transmodal.experiments.study.studies.planes.figures import FUSION, SLICES, VOLUMES
from transmodal.experiments.study.studies.planes.passes import edges
from transmodal.experiments.study.studies.planes.spread import (
    ABOVE,
    EDGES,
    RANKS,
    SHARE,
    SPREAD,
    SUBJECTS,
    TENTHS,
)
from transmodal.volumes import Volume

BenchOf = Callable[..., Bench[Any]]
SEEDS = {"x": 1, "y": 2, "z": 3}


def noise(number: int, plane: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return np.random.default_rng([number, SEEDS[plane]]).standard_normal(shape)


def half(target: Volume) -> NDArray[np.bool_]:
    """Return the left half of the field of view."""
    left = np.zeros(target.voxels.shape, bool)
    left[: len(left) // 2] = True
    return left


def disagree_where_wrong(target: Volume, plane: str, number: int) -> NDArray[np.float64]:
    """Err by noise of its own in each plane, more so in one half, and in every case by another amount."""
    size = np.where(half(target), 0.2, 0.02) * (1 + 0.2 * number)
    return target.voxels + size * noise(number, plane, target.voxels.shape)


def disagree_elsewhere(target: Volume, plane: str, number: int) -> NDArray[np.float64]:
    """Err alike in all planes, by noise; disagree, the same in each case, by noise that cancels out in the mean."""
    shape = target.voxels.shape
    shared = 0.1 * np.random.default_rng([number, 9]).standard_normal(shape)
    sign = {"x": 1.0, "y": -1.0, "z": 0.0}[plane]
    return target.voxels + shared + sign * 0.05 * np.random.default_rng([number, 8]).uniform(0, 1, shape)


def agree(target: Volume, plane: str, number: int) -> NDArray[np.float64]:
    """Translate alike in all planes, with an error."""
    return target.voxels + 0.05


def copy(target: Volume, plane: str, number: int) -> NDArray[np.float32]:
    return target.voxels


def worse_along_x(target: Volume, plane: str, number: int) -> NDArray[np.float64]:
    return target.voxels + (0.3 if plane == "x" else 0.03) * noise(number, plane, target.voxels.shape)


def pick(findings: Findings, table: str, figure: str, group: str = "") -> StudyFigure:
    return next(f for f in findings.figures if (f.table, f.figure, f.group) == (table, figure, group))


def test_a_planted_effect_is_found(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(disagree_where_wrong))
    ranks, above, subjects = (pick(findings, SPREAD, name) for name in (RANKS, ABOVE, SUBJECTS))
    assert ranks.value is not None
    assert ranks.value > 0.4
    assert ranks.interval is not None
    assert above.interval is not None
    assert above.interval[0] > 0
    assert (above.p or 1) < 0.05
    assert (subjects.value or 0) > 0.9
    shares = [pick(findings, TENTHS, SHARE, str(tenth)).value or 0 for tenth in range(1, 11)]
    assert shares[0] < 0.5 < 1.5 < shares[-1]
    assert sum(shares) == pytest.approx(10, abs=1e-3)
    assert "greater in 1, and to tell more" in findings.sentences[0]
    assert findings.sentences[0].endswith("in 1.")
    assert "more than the" in findings.sentences[-1]


def test_nothing_is_found_where_planes_disagree_elsewhere(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(disagree_elsewhere))
    ranks = pick(findings, SPREAD, RANKS)
    assert abs(ranks.value or 1) < 0.05
    assert ranks.interval is not None
    assert ranks.interval[0] < 0
    assert (
        "greater in 0, and to tell more of the error than the edges of the image do in 0"
        in findings.sentences[0]
    )
    assert "not shown to rank voxels by their error" in findings.sentences[-1]
    shares = [pick(findings, TENTHS, SHARE, str(tenth)).value or 0 for tenth in range(1, 11)]
    assert max(abs(share - 1) for share in shares) < 0.1


def test_edges_alone_are_no_merit_of_the_planes(bench_of: BenchOf) -> None:
    """Error and spread that both follow the image's edges: the spread ranks errors, and no better than the edges."""

    def at_edges(target: Volume, plane: str, number: int) -> NDArray[np.float64]:
        base = target.voxels + 0.3 * edges(target) + 0.001 * noise(number, "x", target.voxels.shape)
        length = edges(target.with_voxels(base.astype(np.float32)))
        rough = length * (1 + 0.3 * np.random.default_rng([number, 7]).standard_normal(length.shape))
        return base + {"x": -0.1, "y": 0.0, "z": 0.1}[plane] * rough

    findings = STUDY.answer(bench_of(at_edges))
    assert (pick(findings, SPREAD, RANKS).value or 0) > 0.1
    assert (pick(findings, SPREAD, EDGES).value or 0) > 0.1
    assert (pick(findings, SPREAD, ABOVE).value or 1) < 0
    assert (
        "greater in 1, and to tell more of the error than the edges of the image do in 0"
        in findings.sentences[0]
    )
    assert "not shown to be more than" in findings.sentences[-1]


def test_fusing_is_held_against_every_plane(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(worse_along_x))
    errors = {
        group: pick(findings, VOLUMES, "MAE", group)
        for group in ("x, sagittal", "y, coronal", "z, axial", "fused")
    }
    assert (errors["x, sagittal"].value or 0) > 5 * (errors["z, axial"].value or 1)
    against = {group: pick(findings, FUSION, "change in MAE", group) for group in list(errors)[:3]}
    assert (against["x, sagittal"].value or 0) < 0 < (against["z, axial"].value or 0)
    assert (against["x, sagittal"].p or 1) < 0.05
    assert "below x's" in findings.sentences[1]
    assert "above z's" in findings.sentences[1]
    assert errors["x, sagittal"].note.endswith("no plane of its training")
    assert errors["z, axial"].note == errors["fused"].note == "FA"


def test_nothing_is_found_where_nothing_was_planted(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(agree))
    gains = [f for f in findings.figures if f.table == FUSION]
    assert [gain.value for gain in gains] == pytest.approx([0, 0, 0], abs=1e-6)
    assert findings.sentences[1].count("not shown to differ") == 3
    assert "rank nothing" not in findings.sentences[0]


def test_a_perfect_translation_has_no_rank_correlation(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(copy))
    assert pick(findings, SPREAD, RANKS).value is None
    assert pick(findings, VOLUMES, "PSNR, dB", "fused").value is None
    assert "nothing errs" in findings.sentences[-1]


def test_slices_of_three_axes_are_pooled(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(worse_along_x))
    every = {
        group: pick(findings, SLICES, "PSNR, dB, all slices", group)
        for group in ("x, sagittal", "y, coronal", "z, axial", "own planes pooled")
    }
    counts = {group: int(figure.note.split()[0]) for group, figure in every.items()}
    own = list(every)[:3]
    assert counts["own planes pooled"] == sum(counts[group] for group in own)
    pooled = sum((every[group].value or 0) * counts[group] for group in own) / counts["own planes pooled"]
    assert every["own planes pooled"].value == pytest.approx(pooled, abs=1e-3)


def test_complete_cases_are_not_done_again(bench_of: BenchOf) -> None:
    calls: list[tuple[str, ...]] = []
    STUDY.answer(bench_of(agree, calls=calls))
    assert len(calls) == 8 * 4
    assert set(calls) == {("x", "off"), ("y", "off"), ("z", "off"), ("x", "y", "z", "off")}
    STUDY.answer(bench_of(agree, calls=calls))
    assert len(calls) == 8 * 4


def test_runs_of_patches_are_refused(bench_of: BenchOf) -> None:
    with pytest.raises(UsageError, match="3D patches"):
        STUDY.answer(bench_of(agree, kind="patch"))
    with pytest.raises(UsageError, match="told its plane, and knows z alone"):
        STUDY.answer(bench_of(agree, is_told=True))
    assert find("planes") is STUDY
