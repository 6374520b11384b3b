"""Small cases with the attributes of prepared ones, and views of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.task import EvaluationTask
from transmodal.inference.preprocessing import Preprocessing
from transmodal.volumes import Grid, Volume
from transmodal.volumes.geometry.reorient import resample, working_grid
from transmodal.volumes.intensity import IntensityMap, IntensitySpec, fit
from transmodal.volumes.windows.cut import Cutting

SHAPE = (14, 17, 12)
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class FakeCase:
    """A prepared case that lives in memory."""

    id: str
    volumes: Mapping[str, Volume]
    inside: Mask | None = None
    brain: Mask | None = None
    fitted: dict[str, IntensityMap] = field(default_factory=dict)
    labels: NDArray[np.uint8] | None = None

    @property
    def patient(self) -> str:
        return f"patient of {self.id}"

    @property
    def modalities(self) -> tuple[str, ...]:
        return tuple(self.volumes)

    @property
    def grid(self) -> Grid:
        return next(iter(self.volumes.values())).grid

    @property
    def entry(self) -> SimpleNamespace:
        shapes = {name: SimpleNamespace(shape=volume.voxels.shape) for name, volume in self.volumes.items()}
        return SimpleNamespace(volumes=shapes, segmentation=self.labels)

    def volume(self, modality: str, spacing_mm: float | None = None) -> Volume:
        volume = self.volumes[modality]
        return resample(volume, working_grid(volume.grid, spacing_mm))

    def mask(self, spacing_mm: float | None = None) -> Mask | None:
        return None if self.inside is None else self._flags(self.inside, spacing_mm)

    def segmentation(self) -> NDArray[np.uint8] | None:
        return self.labels

    def region(self, modality: str, kind: str, spacing_mm: float | None = None) -> Mask:
        everything = np.ones(self.grid.shape, bool)
        found = self.brain if kind != "whole" and self.brain is not None else everything
        return self._flags(found, spacing_mm)

    def native_grid(self, modality: str) -> Grid:
        return self.volumes[modality].grid

    def intensity(self, modality: str) -> IntensityMap:
        return self.fitted[modality]

    def _flags(self, flags: Mask, spacing_mm: float | None) -> Mask:
        own = Volume(flags.astype(np.uint8), self.grid.affine)
        return resample(own, working_grid(own.grid, spacing_mm), how="nearest").voxels > 0


def affine_at(*origin: float, spacing: float = 1.0) -> NDArray[np.float64]:
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = origin or (0, 0, 0)
    return affine


@pytest.fixture
def make_case() -> Callable[..., FakeCase]:
    """Make a case with t1 and fa, asymmetric, with a mask that leaves the border and two axial slices out."""

    def make(seed: int = 0, *, masked: bool = True, **volumes: Volume) -> FakeCase:
        rng = np.random.default_rng(seed)
        mask = np.zeros(SHAPE, bool)
        mask[2:12, 3:15, 1:11] = True
        mask[2:5, 3:6, 1:4] = False
        ramp = np.linspace(0.2, 1, SHAPE[0])[:, None, None]
        t1 = (rng.random(SHAPE) * 300 + 100 * ramp) * mask
        fa = np.clip(t1 / 500 + 0.05 * rng.random(SHAPE), 0, 1) * mask
        made = {
            "t1": Volume(t1.astype(np.float32), affine_at()),
            "fa": Volume(fa.astype(np.float32), affine_at()),
        }
        return FakeCase(f"case-{seed}", {**made, **volumes}, mask if masked else None, mask)

    return make


@pytest.fixture
def make_preprocessing() -> Callable[..., Preprocessing]:
    """Make a preprocessing; the intensity maps are fixed windows, so that figures can be worked out by hand."""

    def make(
        sources: tuple[str, ...] = ("t1",),
        target: str = "fa",
        *,
        region: Literal["whole", "body", "brain"] = "brain",
        spacing_mm: float | None = None,
        low: float = 0.0,
        high: float = 400.0,
        target_map: IntensityMap | None = None,
    ) -> Preprocessing:
        specs = {name: IntensitySpec("window", low, high) for name in sources}
        default = fit(IntensitySpec("window", 0.0, 1.0), np.zeros(1))
        return Preprocessing(
            sources=sources,
            target=target,
            spacing_mm=spacing_mm,
            region=region,
            specs=specs,
            cutting=Cutting("slice"),
            axes=(2,),
            fuse="mean",
            batch=1,
            target_map=target_map or default,
        )

    return make


@dataclass(frozen=True)
class Noisy:
    """Gives the target with an error of a size that grows with the case's number."""

    name: str
    size: float

    def translate_case(self, case: FakeCase) -> Volume:
        target = case.volume("fa")
        size = self.size * (1 + int(case.id[-1]))
        return target.with_voxels(target.voxels + np.float32(size))


@pytest.fixture
def noisy() -> type[Noisy]:
    """Give the class of a translator with an error of a size."""
    return Noisy


@pytest.fixture
def evaluated(make_case: Callable[..., Any]) -> Callable[..., Evaluation]:
    """Evaluate a model and two oracles on cases of these seeds."""

    def evaluate(*seeds: int, masked: bool = True) -> Evaluation:
        task = EvaluationTask(("t1",), "fa", 1.0, "cohort", "d" * 64, "test", 3)
        participants = Participants(
            [Noisy("unet", 0.01)], [Noisy("mean_target", 0.02), Noisy("lookup", 0.005)]
        )
        return evaluate_cases(participants, [make_case(seed, masked=masked) for seed in seeds], task)

    return evaluate
