from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.simulation import atlas
from transmodal.volumes import Volume, io

SHAPE = (9, 7, 11)
AFFINE = np.array([[-1.5, 0.0, 0.0, 8.0], [0.0, 1.25, 0.0, -6.0], [0.0, 0.0, 2.0, 3.5], [0.0, 0.0, 0.0, 1.0]])
"""LAS: left and right are swapped on the way to canonical orientation."""


def make_case(name: str = "s01", *, seed: int = 0, patient: str = "", group: str = "") -> Case:
    """Asymmetric head of noise in air, with T1 (int16), CT (int16), FA (float32), mask and labels."""
    draw = np.random.default_rng([seed, *name.encode()])
    i, j, k = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    head = (i - 0.15) ** 2 + (j + 0.1) ** 2 + k**2 < 0.8
    t1 = np.where(head, 500 + 300 * i + 50 * draw.normal(size=SHAPE), 3 * draw.random(SHAPE))
    ct = np.where(head, 40 + 200 * draw.random(SHAPE), -1000)
    fa = np.where(head, draw.random(SHAPE), 0)
    labels = np.where(head, (k > 0.2) + 2 * (i > 0.3), 0)
    volumes: dict[str, NDArray[Any]] = {
        "t1": t1.astype(np.int16),
        "ct": ct.astype(np.int16),
        "fa": fa.astype(np.float32),
    }
    return Case(
        name,
        patient or name,
        {modality: Volume(voxels, AFFINE) for modality, voxels in volumes.items()},
        Volume(head.astype(np.uint8), AFFINE),
        Volume(labels.astype(np.int16), AFFINE),
        frozenset({"ct"}),
        group,
    )


def write_files(folder: Path, case: Case) -> CaseFiles:
    """Write a case's images and return it as files."""
    place = folder / case.id
    place.mkdir(parents=True, exist_ok=True)
    for modality, volume in case.volumes.items():
        io.write(volume, place / f"{modality}.nii.gz")
    assert case.mask is not None
    assert case.segmentation is not None
    io.write(case.mask, place / "mask.nii.gz")
    io.write(case.segmentation, place / "segmentation.nii.gz")
    return CaseFiles(
        case.id,
        case.patient,
        {modality: place / f"{modality}.nii.gz" for modality in case.volumes},
        place / "mask.nii.gz",
        place / "segmentation.nii.gz",
        case.simulated,
        case.group,
    )


class Ready:
    """A case that is made already, as a `CaseMaker`."""

    def __init__(self, case: Case, version: str = "") -> None:
        self.case = case
        self.id = case.id
        self.patient = case.patient
        self._version = version

    def fingerprint(self) -> str:
        return f"{self.id} {self._version}"

    def load(self) -> Case:
        return self.case


def hash_tree(folder: Path) -> dict[str, str]:
    """Return every file below a folder with the hash of its bytes; empty folders with a dash.

    Without keys of patients, which are drawn at random.
    """
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else "-"
        for path in sorted(folder.rglob("*"))
        if path.name != "patients.key"
    }


@pytest.fixture
def a_case() -> Callable[..., Case]:
    return make_case


@pytest.fixture
def on_disk(tmp_path: Path) -> Callable[[Case], CaseFiles]:
    return lambda case: write_files(tmp_path / "inputs", case)


@pytest.fixture
def ready() -> type[Ready]:
    return Ready


@pytest.fixture
def tree() -> Callable[[Path], dict[str, str]]:
    return hash_tree


@pytest.fixture(scope="module")
def head() -> Case:
    """A virtual head with three contrasts at 6 mm."""
    options = atlas.AtlasOptions(spacing_mm=6, modalities=("t1", "t2", "pd"), head="always", lesions=False)
    return atlas.subjects(1, options)[0].load()


SLOW = '''
import os, signal, time
from pathlib import Path
import numpy as np
from transmodal.cohorts.case import Case
from transmodal.errors import InputError, ResourceError
from transmodal.volumes import Volume


class Slow:
    """Makes a case from its number; waits, dies, fails or breaks where its mood says so."""

    def __init__(self, number, seconds=0.0, mood=""):
        self.number, self.seconds, self.mood = number, seconds, mood
        self.id = self.patient = f"case{number:02d}"

    def fingerprint(self):
        return f"slow {self.number}"

    def load(self):
        Path(f"begun-{self.id}").touch()
        time.sleep(self.seconds)
        if self.mood == "die" or (self.mood == "die once" and not Path("died").exists()):
            Path("died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mood == "fail":
            raise InputError("E120", "a voxel is NaN", "numbers", "Repair it.")
        if self.mood == "bomb":
            raise ResourceError("E401", "a header that declares 4 TiB", "less", "Check the file.")
        if self.mood == "break":
            raise ZeroDivisionError("a bug")
        voxels = np.random.default_rng(self.number).integers(0, 900, (6, 5, 7)).astype(np.int16)
        return Case(self.id, self.patient, {"t1": Volume(voxels, np.diag([-1.0, 1, 2, 1]))})
'''


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., CaseMaker]:
    """A maker that spawned processes can import."""
    place = tmp_path / "modules"
    place.mkdir()
    (place / "slow_cases.py").write_text(SLOW)
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.chdir(place)
    sys.modules.pop("slow_cases", None)
    import slow_cases  # type: ignore[import-not-found]  # written above

    kind: Callable[..., CaseMaker] = slow_cases.Slow
    return kind
