"""A tiny cohort of CT heads with MR sources, and volumes that a program could have made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.prepare.prepare import prepare
from transmodal.cohorts.store import Cohort
from transmodal.evaluation.predictions.alone import plan_without_runs
from transmodal.evaluation.task import EvaluationTask, build_task
from transmodal.volumes import Volume, io

SHAPE = (30, 34, 28)
AFFINE = np.array([[-4.0, 0, 0, 60], [0, 4, 0, -70], [0, 0, 4, -50], [0, 0, 0, 1]])
"""Left comes first, as in most files of CT: the prepared grid is another one than the file's."""


def make_head(seed: int) -> tuple[Volume, Volume, Volume]:
    """Return MR, CT and mask of a lopsided head with blobs of its own."""
    draw = np.random.default_rng(seed)
    i, j, k = np.indices(SHAPE).astype(float)
    inside = ((i - 14) / 12) ** 2 + ((j - 17) / 14) ** 2 + ((k - 14 - 0.1 * i) / 11) ** 2 < 1
    texture = np.zeros(SHAPE)
    for _ in range(40):
        at = draw.uniform(5, 25, 3)
        size = draw.uniform(1.5, 3)
        texture += draw.choice([-1, 1]) * np.exp(
            -((i - at[0]) ** 2 + (j - at[1]) ** 2 + (k - at[2]) ** 2) / (2 * size**2)
        )
    ct = np.where(inside, 60 + 300 * texture + 100 * (i > 20), -1000).astype(np.float32)
    mr = np.where(inside, 500 - 200 * np.abs(texture) + 3 * i, 5).astype(np.float32)
    mask = inside.astype(np.uint8)
    return Volume(mr, AFFINE), Volume(ct, AFFINE), Volume(mask, AFFINE)


@pytest.fixture(scope="session")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Return a prepared cohort: cases A1 to A6, of which A4, A5 and A6 are tested."""
    folder = tmp_path_factory.mktemp("heads")
    cases, sides = [], {}
    for n in range(1, 7):
        name = f"A{n}"
        paths = {part: folder / name / f"{part}.nii.gz" for part in ("mr", "ct", "mask")}
        (folder / name).mkdir()
        for path, volume in zip(paths.values(), make_head(n), strict=True):
            io.write(volume, path)
        cases.append(CaseFiles(name, name, {"mr": paths["mr"], "ct": paths["ct"]}, mask=paths["mask"]))
        sides[name] = "train" if n < 4 else "test"
    return prepare(cases, folder / "cohort", PrepareOptions(copies="ignore"), sides=sides)


@pytest.fixture
def task(heads: Cohort) -> EvaluationTask:
    """Return the task of scoring CT on the tested heads."""
    loaded = plan_without_runs(heads)
    return build_task(heads, loaded.preprocessing, loaded.sources, "test")


def synthetic(n: int, *, noise: float = 30.0) -> Volume:
    """Return a head's CT as a program could have made it."""
    ct = make_head(n)[1]
    error = np.random.default_rng(100 + n).normal(0, noise, SHAPE)
    return ct.with_voxels((ct.voxels + error).astype(np.float32))


@pytest.fixture
def write_predictions(tmp_path: Path) -> Callable[..., Path]:
    """Write the volumes of the tested heads into a folder and return it."""

    def write(
        change: Callable[[Volume], Volume] = lambda volume: volume,
        *,
        name: str = "{case}_sct.nii.gz",
        folder: str = "pred",
        cases: tuple[int, ...] = (4, 5, 6),
    ) -> Path:
        for n in cases:
            path = tmp_path / folder / name.format(case=f"A{n}")
            path.parent.mkdir(parents=True, exist_ok=True)
            io.write(change(synthetic(n)), path)
        return tmp_path / folder

    return write


@pytest.fixture
def head() -> Callable[[int], tuple[Volume, Volume, Volume]]:
    """Return a function that makes MR, CT and mask of a head."""
    return make_head


@pytest.fixture
def synthetic_ct() -> Callable[[int], Volume]:
    """Return a function that makes a head's CT as a program could have made it."""
    return synthetic
