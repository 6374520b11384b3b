"""The study of spectra: finds what a blur loses and what noise invents, and nothing in an image that is the target."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.record import StudyFigure
from transmodal.experiments.study.studies._base import Findings, StudyOptions
from transmodal.experiments.study.studies.spectrum.answer import (
    BANDS,
    COHERENT,
    CURVES,
    INVENTED,
    RATIO,
    STUDY,
    TURNED,
    decibels,
)
from transmodal.volumes import Volume

BenchOf = Callable[[Callable[[Volume, int], Volume]], Bench[StudyOptions]]


def blur(target: Volume, _: int) -> Volume:
    """Blur slices inside of the head, whose level is 0.5."""
    head = target.voxels > 0
    smooth = ndimage.gaussian_filter(np.where(head, target.voxels - 0.5, 0), (1, 1, 0))
    return target.with_voxels(np.where(head, smooth + 0.5, 0).astype(np.float32))


def add_texture(target: Volume, number: int) -> Volume:
    noise = 0.1 * np.random.default_rng(number).standard_normal(target.voxels.shape)
    fine = noise - ndimage.gaussian_filter(noise, (1, 1, 0))
    return target.with_voxels((target.voxels + fine).astype(np.float32))


def invent(target: Volume, number: int) -> Volume:
    noise = np.random.default_rng(number).standard_normal(target.voxels.shape)
    return target.with_voxels(noise.astype(np.float32))


def copy(target: Volume, _: int) -> Volume:
    return target


def octaves(findings: Findings, figure: str) -> list[StudyFigure]:
    return [f for f in findings.figures if (f.table, f.figure) == (BANDS, figure)]


def values(findings: Findings, figure: str) -> list[float]:
    return [f.value or 0.0 for f in octaves(findings, figure)]


def test_a_planted_effect_is_found(bench_of: BenchOf) -> None:
    blurred = STUDY.answer(bench_of(blur))
    lost = values(blurred, RATIO)
    assert lost == sorted(lost, reverse=True)
    assert lost[-1] < -10
    assert octaves(blurred, RATIO)[-1].interval is not None
    assert "loses" in blurred.sentences[-1]
    assert "of 1 translator 1 lose power and 0 have more" in blurred.sentences[0]
    # At a quarter of a cycle per voxel, where the last octave begins, a Gaussian of 1 voxel takes 10.7 dB.
    assert lost[0] > -1
    assert min(values(blurred, COHERENT)) > 0.8


def test_texture_is_told_from_detail(bench_of: BenchOf) -> None:
    textured = STUDY.answer(bench_of(add_texture))
    assert values(textured, RATIO)[-1] > 3
    assert values(textured, COHERENT)[0] > 0.8 > 0.4 > values(textured, COHERENT)[-1]
    assert values(textured, INVENTED)[-1] > 1
    assert "more power than the target" in textured.sentences[-1]


def test_nothing_is_found_where_nothing_was_planted(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(copy))
    assert values(findings, RATIO) == [0, 0, 0, 0]
    assert values(findings, COHERENT) == pytest.approx([1, 1, 1, 1])
    assert values(findings, INVENTED) == pytest.approx([0, 0, 0, 0], abs=1e-9)
    assert all("power is not shown to differ from the target's" in s for s in findings.sentences[1:])
    curves = {f.row: [] for f in findings.figures if f.table == CURVES}
    for figure in (f for f in findings.figures if f.table == CURVES):
        curves[figure.row].append(figure.value)
    assert list(curves) == ["source t1", "target", "synthetic, unet"]
    assert curves["target"] == curves["synthetic, unet"]


def test_noise_alone_is_no_more_coherent_than_chance(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(invent))
    assert values(findings, COHERENT)[-1] == pytest.approx(values(findings, TURNED)[-1], abs=0.05)
    assert values(findings, COHERENT)[-1] < 0.1
    assert "not shown to be more than with the target turned round" in findings.sentences[-1]


def test_decibels_have_ends() -> None:
    assert decibels(1, 2) == pytest.approx(-3.0103, abs=1e-4)
    assert [decibels(0, 0), decibels(0, 1), decibels(1, 0)] == [0, -120, 120]
