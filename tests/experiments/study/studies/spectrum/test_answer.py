"""The study of spectra: finds what a blur loses and what noise invents, and nothing in an image that is the target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.record import StudyFigure
from transmodal.experiments.study.studies._base import Findings, StudyOptions
from transmodal.experiments.study.studies.spectrum.answer import STUDY
from transmodal.experiments.study.studies.spectrum.bands import (
    BANDS,
    COHERENT,
    CURVES,
    INVENTED,
    RATIO,
    TURNED,
)
from transmodal.experiments.study.studies.spectrum.inside import ON_GREY, ON_SLICE, RESPONSES, STAGES
from transmodal.volumes import Volume

BenchOf = Callable[..., Bench[StudyOptions]]


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
    assert "loses" in blurred.sentences[len(lost)]
    assert "of 1 translator 1 lose power and 0 have more" in blurred.sentences[0]
    # At a quarter of a cycle per voxel, where the last octave begins, a Gaussian of 1 voxel takes 10.7 dB.
    assert lost[0] > -1
    assert min(values(blurred, COHERENT)) > 0.8


def test_texture_is_told_from_detail(bench_of: BenchOf) -> None:
    textured = STUDY.answer(bench_of(add_texture))
    assert values(textured, RATIO)[-1] > 3
    assert values(textured, COHERENT)[0] > 0.8 > 0.4 > values(textured, COHERENT)[-1]
    assert values(textured, INVENTED)[-1] > 1
    assert "more power than the target" in textured.sentences[len(values(textured, RATIO))]


def test_nothing_is_found_where_nothing_was_planted(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(copy))
    assert values(findings, RATIO) == [0, 0, 0, 0]
    assert values(findings, COHERENT) == pytest.approx([1, 1, 1, 1])
    assert values(findings, INVENTED) == pytest.approx([0, 0, 0, 0], abs=1e-9)
    assert all("power is not shown to differ from the target's" in s for s in findings.sentences[1:-1])
    assert findings.sentences[-1].endswith("which is not shown to differ.")
    for figure in (ON_SLICE, ON_GREY):
        own = [f.value for f in findings.figures if (f.table, f.figure) == (RESPONSES, figure)]
        assert own == pytest.approx([1.0] * 8, abs=1e-3)
    assert not [f for f in findings.figures if f.table == STAGES]
    assert [omission.part for omission in findings.omissions] == ["features inside networks of unet"]
    curves = {f.row: [] for f in findings.figures if f.table == CURVES}
    for figure in (f for f in findings.figures if f.table == CURVES):
        curves[figure.row].append(figure.value)
    assert list(curves) == ["source t1", "target", "synthetic, unet"]
    assert curves["target"] == curves["synthetic, unet"]


def test_noise_alone_is_no_more_coherent_than_chance(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(invent))
    assert values(findings, COHERENT)[-1] == pytest.approx(values(findings, TURNED)[-1], abs=0.05)
    assert values(findings, COHERENT)[-1] < 0.1
    assert "not shown to be more than with the target turned round" in findings.sentences[4]


def test_a_network_that_is_a_low_pass_filter_shows_it(bench_of: BenchOf, network_of: type[Any]) -> None:
    findings = STUDY.answer(bench_of(copy, network_of(1.0, "unit", shows=True)))
    for figure, tolerance in ((ON_GREY, 0.02), (ON_SLICE, 0.1)):
        own = {
            float(f.group): f.value for f in findings.figures if (f.table, f.figure) == (RESPONSES, figure)
        }
        for frequency, passed in own.items():
            # A Gaussian of 1 pixel takes a wave of so many cycles per pixel down to this.
            assert passed == pytest.approx(np.exp(-2 * (np.pi * frequency) ** 2), abs=tolerance)
    assert findings.sentences[5].endswith("fine ones pass less.")
    assert "fused 1 are less of it" not in findings.sentences[6]
    assert "fused 1 have less of it" in findings.sentences[6]
    assert "the weights of SAM are random" in findings.sentences[7]
    stages = [f.group for f in findings.figures if f.table == STAGES]
    assert stages == ["encoder 1", "encoder 1", "fused 1", "fused 1"]  # a map of 4 pixels has no spectrum
    assert findings.omissions == ()
    assert {chart.table for chart in findings.charts} <= {table.name for table in findings.tables}


def test_networks_of_patches_are_left_out_by_name(bench_of: BenchOf) -> None:
    findings = STUDY.answer(bench_of(copy, kind="patch"))
    assert [omission.part for omission in findings.omissions] == ["networks and gratings of unet"]
    assert not [f for f in findings.figures if f.table == RESPONSES]
