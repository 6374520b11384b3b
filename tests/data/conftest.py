"""A small prepared cohort as a stream of windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from transmodal.cohorts.case import Case
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.data.stream import Stream, StreamCase
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec, fit
from transmodal.volumes.windows.cut import Cutting

SHAPE = (9, 11, 8)


@dataclass(frozen=True)
class Blob:
    number: int

    @property
    def id(self) -> str:
        return f"blob-{self.number}"

    @property
    def patient(self) -> str:
        return self.id

    def fingerprint(self) -> str:
        return self.id

    def load(self) -> Case:
        draw = np.random.default_rng(self.number)
        t1 = draw.integers(10, 200, SHAPE).astype(np.int16)
        t1[:3] = 0
        t2 = (300 - t1).astype(np.int16)
        mask = (t1 > 0).astype(np.uint8)
        affine = np.diag([2.0, 2.0, 3.0, 1.0])
        return Case(
            self.id,
            self.patient,
            {
                "t1": Volume(t1, affine),
                "t2": Volume(t2, affine),
                "fa": Volume((t1 / 200).astype(np.float32), affine),
            },
            Volume(mask, affine),
            Volume((t1 > 100).astype(np.uint8), affine),
        )


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Stream:
    cohort = prepare(
        [Blob(n) for n in range(3)], tmp_path_factory.mktemp("data") / "c", PrepareOptions(ratios=(1, 0, 0))
    )
    cases = cohort.cases("train")
    window = IntensitySpec("window", 0.0, 300.0)
    return Stream(
        cases=tuple(
            StreamCase(
                case,
                (fit(window, np.zeros(1)), fit(window, np.zeros(1))),
                fit(IntensitySpec("window", 0.0, 1.0), np.zeros(1)),
            )
            for case in cases
        ),
        sources=("t1", "t2"),
        target="fa",
        spacing_mm=None,
        region="whole",
        cutting=Cutting("slice", size=(12, 12), multiple=4),
        axes=(2,),
        needs=frozenset({"target", "mask", "segmentation"}),
    )


@pytest.fixture(scope="session")
def blob() -> type[Blob]:
    return Blob
