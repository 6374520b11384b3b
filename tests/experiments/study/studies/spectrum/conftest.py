"""Evaluations and networks that stand in for real ones: volumes follow a rule and networks a filter that a test names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from phantoms import Images, Phantom, Place
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.experiments.study.bench import Bench, CohortFiles, Entrant
from transmodal.experiments.study.studies.spectrum import answer, networks, spectra
from transmodal.experiments.study.studies.spectrum.answer import Options
from transmodal.experiments.study.units import WorkUnits
from transmodal.inference.preprocessing import Preprocessing
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec, fit
from transmodal.volumes.windows.cut import Cutting

Rule = Callable[[Volume, int], Volume]
"""Makes a synthetic volume from the target and the number of the case."""
BenchOf = Callable[..., Bench[Options]]


class FilterNetwork:
    """A network that blurs along rows and columns, and shows itself as a stage that is fused with the blur.

    Args:
        sigma: of the blur in pixels; 0 leaves images as they are.
        output_range: `unit` brings them to [0, 1].
        shows: whether it shows its stages.
    """

    draws = False

    def __init__(self, sigma: float = 0.0, output_range: str = "signed", *, shows: bool = False) -> None:
        self.sigma, self.output_range, self.shows = sigma, output_range, shows

    def infer(self, source: NDArray[np.float32], *_: NDArray[Any]) -> NDArray[np.float32]:
        blurred = ndimage.gaussian_filter(source[:, :1], (0, 0, self.sigma, self.sigma), mode="wrap")
        return (blurred + 1) / 2 if self.output_range == "unit" else blurred

    def stages(self, source: Tensor, _: Tensor) -> dict[str, Tensor]:
        blurred = torch.from_numpy(self.infer(source.numpy()))
        return (
            {"encoder 1": source, "fused 1": blurred, "encoder 2": source[:, :, :4, :4]} if self.shows else {}
        )

    def frozen(self) -> dict[str, SimpleNamespace]:
        return {"sam": SimpleNamespace(digest=lambda: "random:0")} if self.shows else {}


def model_of(network: FilterNetwork) -> SimpleNamespace:
    """Return what stands for a loaded run of slices that takes T1 as it is stored, divided by 1,000."""
    preprocessing = Preprocessing(
        sources=("t1",),
        target="fa",
        spacing_mm=None,
        region="whole",
        specs={"t1": IntensitySpec("window", 0.0, 2000.0)},
        cutting=Cutting("slice", size=(40, 40)),
        axes=(2,),
        fuse="mean",
        batch=8,
        target_map=fit(IntensitySpec("window", 0.0, 1.0), np.zeros(1)),
    )
    device = torch.device("cpu")
    return SimpleNamespace(translator=network, engine=network, preprocessing=preprocessing, device=device)


@dataclass(frozen=True)
class TexturedPhantom(Phantom):
    """A head with as much detail at high frequencies as at low ones, which is the person's own."""

    shape = (40, 38, 8)

    def images(self, place: Place) -> Images:
        head, rng = place.head(), np.random.default_rng(1000 + self.number)
        texture = rng.standard_normal(head.shape)
        t1 = np.where(head, 900 + 100 * texture + 50 * rng.standard_normal(head.shape), 5)
        fa = np.where(head, 0.5 + 0.05 * texture, 0)
        images = {"t1": t1.astype(np.float32), "fa": fa.astype(np.float32)}
        return Images(images, head.astype(np.uint8), head.astype(np.uint8))


@pytest.fixture(scope="session")
def textured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a prepared cohort of nine phantoms, six of which are to be tested on."""
    folder = tmp_path_factory.mktemp("textured") / "cohort"
    prepare([TexturedPhantom(n) for n in range(9)], folder, PrepareOptions(counts=(2, 1, 6)))
    return folder


@pytest.fixture
def bench_of(textured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BenchOf:
    """Return a function that makes a bench with one run, `unet`, that translates by a rule."""
    store = Cohort.open(textured)

    def make(rule: Rule, network: FilterNetwork | None = None, kind: str = "slice") -> Bench[Options]:
        windows, training = SimpleNamespace(kind=kind), SimpleNamespace(seed=1)
        recipe = cast("Any", SimpleNamespace(training=training, windows=windows))
        entrant = Entrant("unet", tmp_path / "unet", recipe, "weights")
        scored = SimpleNamespace(
            folder=entrant.folder,
            task=SimpleNamespace(sources=("t1",)),
            cases=lambda: store.cases("test"),
            target=lambda case: case.volume("fa"),
            synthetic=lambda _, case: rule(case.volume("fa"), int(case.id.removeprefix("case"))),
        )
        monkeypatch.setattr(answer, "score_entrants", lambda *_, **__: {entrant.label: scored})
        monkeypatch.setattr(spectra, "read_scored", lambda *_: scored)
        monkeypatch.setattr(networks, "read_scored", lambda *_: scored)
        monkeypatch.setattr(networks, "load", lambda *_, **__: model_of(network or FilterNetwork()))
        return Bench(
            store,
            tmp_path,
            (entrant,),
            (),
            (),
            (1,),
            "test",
            CohortFiles(),
            Options(step=3),
            None,
            WorkUnits(tmp_path),
        )

    return make


@pytest.fixture(scope="session")
def network_of() -> type[FilterNetwork]:
    """Return the class of networks that stand in for trained ones."""
    return FilterNetwork
