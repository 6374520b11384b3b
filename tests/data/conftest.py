"""A small prepared cohort as a stream of windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from phantoms import Images, Phantom, Place
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.data.stream import Stream, StreamCase
from transmodal.volumes.intensity import IntensitySpec, fit
from transmodal.volumes.windows.cut import Cutting

SHAPE = (9, 11, 8)


@dataclass(frozen=True)
class Blob(Phantom):
    prefix = "blob-"
    shape = SHAPE
    spacing_mm = (2.0, 2.0, 3.0)

    def images(self, place: Place) -> Images:
        t1 = np.random.default_rng(self.number).integers(10, 200, SHAPE).astype(np.int16)
        t1[:3] = 0
        volumes = {"t1": t1, "t2": (300 - t1).astype(np.int16), "fa": (t1 / 200).astype(np.float32)}
        return Images(volumes, (t1 > 0).astype(np.uint8), (t1 > 100).astype(np.uint8))


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
