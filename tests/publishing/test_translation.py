"""The page's scripts beside the library, by Node: every step from a file to a file but the network, which averages its channels."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from torch import Tensor

import small_pages
from stand_ins import StandIn
from transmodal.inference.model import Model
from transmodal.publishing import page
from transmodal.publishing.network import PageGraph, Probe
from transmodal.publishing.plan import build_plan
from transmodal.publishing.runtime import Runtime
from transmodal.translators._base import TranslatorConfig
from transmodal.volumes import Volume, io
from transmodal.volumes.geometry.reorient import reorient, resample
from transmodal.volumes.intensity import IntensitySpec
from transmodal.volumes.regions.masks import find_region

PAGES = Path(page.__file__).parent / "page"
HEAD = small_pages.head()
X, Y, _ = np.meshgrid(*map(np.arange, HEAD.voxels.shape), indexing="ij")
GAP, ROD = (abs(X - 14) < 2) & (Y > 14), (X == 2) & (Y < 3)
CLEFT = HEAD.with_voxels(np.where(GAP | ROD, 5 + 400 * ROD, HEAD.voxels).astype(np.int16))
"""A head with a gap of 6 mm, and a rod beside it."""
SAGITTAL = reorient(HEAD, "PIR")

PROBE = Probe(np.zeros((1, 1, 2, 2), np.float32), np.ones((1, 1, 2, 2), np.float32))


class Mean(StandIn):
    """Averages its channels."""

    output_range = "signed"

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        return source.mean(dim=1, keepdim=True)


@dataclass(frozen=True)
class Trial:
    """A model's settings, a source, and what is said of it."""

    name: str
    source: Volume = HEAD
    settings: dict[str, Any] = field(default_factory=dict)
    axes: tuple[str, ...] = ("z",)
    fuse: str = "mean"
    ending: str = ".nii.gz"
    kind: str = ""


def of(method: str, low: float | None = None, high: float | None = None, **data: object) -> dict[str, Any]:
    ends = {} if low is None else {"low": low, "high": high}
    return {"data": {"intensity": {"t1": {"method": method, **ends}}, **data}}


RANGE = IntensitySpec("percentile", 0.5, 99.5)
TRIALS = (
    Trial("as it lies", settings=of("percentile", 0.5, 99.5)),
    Trial("window", settings=of("window", 0, 500)),
    Trial("beyond the bounds", settings=of("minmax") | {"target_map": IntensitySpec("window", -0.5, 1.5)}),
    Trial("minmax, other axes first", SAGITTAL, of("minmax")),
    Trial("z-score", settings=of("zscore") | {"target_map": IntensitySpec("zscore"), "target": "t2"}),
    Trial("coarser", settings=of("percentile", 1, 99, spacing_mm=3.3), ending=".nii"),
    Trial("finer", SAGITTAL, of("percentile", 1, 99, spacing_mm=1.4)),
    Trial(
        "body, HU",
        settings=of("percentile", 1, 99, region="body", spacing_mm=2.5)
        | {"target": "ct", "target_map": IntensitySpec("window", -1024, 1976)},
    ),
    Trial(
        "body on its own grid",
        SAGITTAL,
        of("percentile", 1, 99, region="body") | {"target": "t2", "target_map": RANGE},
    ),
    Trial(
        "body, as it is found",
        CLEFT,
        settings=of("percentile", 1, 99, region="body") | {"target": "t2", "target_map": RANGE},
        kind="body",
    ),
    Trial("three axes", settings=of("minmax", spacing_mm=2.7), axes=("x", "y", "z")),
    Trial("median of two", settings=of("minmax"), axes=("x", "z"), fuse="median"),
    Trial("slab", settings=of("minmax") | {"windows": {"kind": "slab", "axes": ["z"], "depth": 5}}),
    Trial("window of training", settings=of("minmax") | {"learned": (48, 24)}),
    Trial(
        "resized",
        settings=of("minmax")
        | {"windows": {"kind": "slice", "axes": ["z"], "size": [16, 40], "fit": "ignore"}},
    ),
    Trial(
        "resized, aspect kept",
        settings=of("minmax")
        | {"windows": {"kind": "slice", "axes": ["z"], "size": [24, 32], "fit": "keep"}},
    ),
    Trial("two sources", settings={"sources": ("t1", "t2")}),
    Trial(
        "real values",
        replace(HEAD, voxels=(HEAD.voxels / 7).astype(np.float32)),
        of("percentile", 2, 98, spacing_mm=2.5),
    ),
)


def build(trial: Trial) -> Model:
    model = small_pages.model(**trial.settings)
    depth = model.recipe.windows.depth
    config = TranslatorConfig(source_channels=model.translator.config.source_channels, slab_depth=depth)
    return replace(model, translator=Mean(config).eval()).with_axes(trial.axes, trial.fuse)  # type: ignore[arg-type]


def sources_of(model: Model, volume: Volume) -> dict[str, Volume]:
    return {
        name: volume.with_voxels(np.roll(volume.voxels, n, 0))
        for n, name in enumerate(model.preprocessing.sources)
    }


def write(trial: Trial, number: int, folder: Path) -> dict[str, Any]:
    """Write a trial's files; return its line for the script."""
    model = build(trial)
    sources = sources_of(model, trial.source)
    files = [f"{number}-{name}{trial.ending}" for name in sources]
    for file, volume in zip(files, sources.values(), strict=True):
        io.write(volume, folder / file)
    kind, mask = trial.kind or "whole", None
    if model.preprocessing.region != "whole" and not trial.kind:
        kind, mask, first = "file", f"{number}-mask.nii.gz", next(iter(sources.values()))
        inside = find_region(reorient(first), model.preprocessing.region).mask.astype(np.uint8)
        io.write(resample(reorient(first).with_voxels(inside), first.grid, how="nearest"), folder / mask)
    plan = build_plan(model, PageGraph(b"", None, PROBE), None, Runtime("none", {}))
    return {"plan": plan, "files": files, "kind": kind, "mask": mask, "output": f"{number}-out{trial.ending}"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the script made of every trial."""
    node, place = small_pages.find_node(), tmp_path_factory.mktemp("trials")
    lines = [write(trial, number, place) for number, trial in enumerate(TRIALS)]
    (place / "cases.json").write_text(json.dumps(lines))
    script = Path(__file__).with_name("translate.mjs")
    subprocess.run([node, script, place, PAGES], check=True, timeout=600)
    return place


@pytest.mark.parametrize("number", range(len(TRIALS)), ids=[trial.name for trial in TRIALS])
def test_a_file_comes_out_as_from_the_library(number: int, folder: Path) -> None:
    trial = TRIALS[number]
    error = folder / f"{number}-out{trial.ending}.error"
    assert not error.exists(), error.read_text()
    model = build(trial)
    expected = model.translate(sources_of(model, trial.source), gate="off").volume
    volume = io.read(folder / f"{number}-out{trial.ending}")
    assert volume.voxels.dtype == expected.voxels.dtype
    low, high = float(expected.voxels.min()), float(expected.voxels.max())
    tolerance = 1 if expected.voxels.dtype.kind == "i" else 1e-5 * (high - low)
    difference = np.abs(volume.voxels.astype(float) - expected.voxels)
    assert difference.max() <= tolerance
    assert high > low
    assert (
        np.count_nonzero(difference > 1e-5 * (high - low)) <= 1e-3 * difference.size
    )  # of HU, rounded another way
    np.testing.assert_allclose(volume.affine, expected.affine, atol=1e-5)


def test_the_header_says_where_it_lies_as_the_sources_does_and_that_it_is_synthetic(folder: Path) -> None:
    source, output = (nib.load(folder / f"0-{name}.nii.gz").header for name in ("t1", "out"))
    for field_name in (
        "srow_x",
        "srow_y",
        "srow_z",
        "sform_code",
        "qform_code",
        "quatern_b",
        "quatern_c",
        "quatern_d",
        "qoffset_x",
        "qoffset_y",
        "qoffset_z",
    ):
        assert output[field_name] == pytest.approx(source[field_name], abs=0), field_name
    np.testing.assert_array_equal(output["pixdim"][:4], source["pixdim"][:4])
    assert bytes(output["descrip"]).startswith(b"SYNTHETIC fa, transmodal")
