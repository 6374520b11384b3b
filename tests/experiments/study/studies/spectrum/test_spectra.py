"""Spectra of a case are those of its axial slices inside the mask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from transmodal.errors import InputError
from transmodal.experiments.study.bench import Bench
from transmodal.experiments.study.studies._base import StudyOptions
from transmodal.experiments.study.studies.spectrum import spectra
from transmodal.experiments.study.studies.spectrum.spectra import (
    SpectrumItem,
    axial_axis,
    in_plane_mm,
    measure_spectra,
)
from transmodal.volumes import Volume

BenchOf = Callable[..., Bench[StudyOptions]]


def item_of(bench: Bench[Any]) -> SpectrumItem:
    case = bench.cohort.cases("test")[0]
    return SpectrumItem(bench.entrants[0], bench.folder, bench.cohort.folder, case.id, 1.0)


def test_a_case_has_spectra_of_its_source_and_its_translation(bench_of: BenchOf) -> None:
    content = measure_spectra(item_of(bench_of(lambda target, _: target)))
    assert list(content["spectra"]) == ["synthetic", "t1"]
    synthetic = content["spectra"]["synthetic"]
    assert synthetic["power"] == synthetic["reference_power"]
    assert content["spectra"]["t1"]["reference_power"] == synthetic["reference_power"]
    assert content["spectra"]["t1"]["power"] != synthetic["power"]


def test_what_lies_outside_of_the_mask_does_not_count(bench_of: BenchOf) -> None:
    def shout(target: Volume, number: int) -> Volume:
        mask = bench.cohort.case(f"case{number}").mask()
        return target.with_voxels(np.where(mask, target.voxels, 1e5).astype(np.float32))

    bench = bench_of(shout)
    synthetic = measure_spectra(item_of(bench))["spectra"]["synthetic"]
    assert synthetic["power"] == synthetic["reference_power"]


def test_slices_are_axial_however_the_axes_lie() -> None:
    affine = np.array([[0, 0, 3.0, 0], [1.0, 0, 0, 0], [0, 2.0, 0, 0], [0, 0, 0, 1]])
    volume = Volume(np.zeros((4, 5, 6), np.float32), affine)
    assert axial_axis(volume) == 1
    assert in_plane_mm(volume) == (1.0, 3.0)


def test_a_mask_of_specks_is_refused(bench_of: BenchOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectra, "FEWEST_PIXELS", 10_000)
    with pytest.raises(InputError, match="no axial slice"):
        measure_spectra(item_of(bench_of(lambda target, _: target)))
