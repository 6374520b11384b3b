"""Every orientation, spacing and format comes back voxel by voxel: read, prepare, identity translator, write."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from stand_ins import StandIn
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.layouts import dicom
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.inference.model import Model
from transmodal.inference.preprocessing import Preprocessing
from transmodal.inference.synthesis import synthesise_case
from transmodal.recipes.schema import Recipe
from transmodal.translators._base import TranslatorConfig
from transmodal.volumes import Volume, io
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series
from transmodal.volumes.geometry.reorient import reorient, resample
from transmodal.volumes.intensity import IntensitySpec, fit
from transmodal.volumes.windows.cut import Cutting

ORIENTATIONS = [
    "".join({"R": "RL", "A": "AP", "S": "SI"}[letter][side] for letter, side in zip(axes, sides, strict=True))
    for axes in permutations("RAS")
    for sides in product((0, 1), repeat=3)
]
SPACINGS = {"isotropic": (1.0, 1.0, 1.0), "anisotropic": (0.9, 0.9, 5.0), "oblique": (1.1, 0.8, 2.5)}
HU = IntensitySpec("window", -1024.0, 3000.0)


class Identity(StandIn):
    """Gives back the source."""

    output_range = "signed"

    def forward(
        self, source: Tensor, available: Tensor, features: Tensor | None = None, noise: Tensor | None = None
    ) -> Tensor:
        self.check(source, available)
        return source

    def size_multiple(self) -> int:
        return 4


def identity_model() -> Model:
    recipe = Recipe.model_validate(
        {
            "name": "identity",
            "translator": "unet_regression",
            "task": {"source": ["mr"], "target": "ct"},
            "training": {"epochs": 1, "batch": 1, "players": {}},
        }
    )
    preprocessing = Preprocessing(
        sources=("mr",),
        target="ct",
        spacing_mm=None,
        region="whole",
        specs={"mr": HU},
        cutting=Cutting("slice", multiple=4),
        axes=(0, 1, 2),
        fuse="median",
        batch=5,
        target_map=fit(HU, np.zeros((1, 1, 1))),
    )
    return Model(
        Identity(TranslatorConfig()).eval(), recipe, preprocessing, "0" * 64, {}, torch.device("cpu")
    )


def asymmetric(spacing: str) -> Volume:
    """No mirror or permutation of it equals it."""
    voxels = np.random.default_rng(7).integers(-1024, 3000, (5, 6, 7)).astype(np.int16)
    directions = np.eye(3)
    if spacing == "oblique":
        turn, tilt = np.deg2rad([20.0, 9.0])
        about_z = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
        about_x = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
        directions = about_z @ about_x
    affine = np.eye(4)
    affine[:3, :3] = directions * SPACINGS[spacing]
    affine[:3, 3] = (-31.5, 12.25, 7.0)
    return Volume(voxels, affine)


@pytest.mark.parametrize("suffix", [".nii.gz", ".mha"])
@pytest.mark.parametrize("spacing", sorted(SPACINGS))
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_identity_comes_back(orientation: str, spacing: str, suffix: str, tmp_path: Path) -> None:
    volume = reorient(asymmetric(spacing), orientation)
    assert volume.orientation == orientation
    source, output = tmp_path / f"mr{suffix}", tmp_path / f"out{suffix}"
    io.write(volume, source)
    read = io.read(source)

    translation = identity_model().translate(read)
    io.write(translation.volume, output)
    back = io.read(output)
    assert back.voxels.dtype == np.int16
    np.testing.assert_array_equal(back.voxels, volume.voxels)
    np.testing.assert_array_equal(back.affine, read.affine)
    assert np.abs(back.grid.corners() - volume.grid.corners()).max() <= 1e-3
    assert translation.disagreement is not None
    assert float(translation.disagreement.voxels.max()) < 1e-3

    model = identity_model()
    cohort = prepare(
        [CaseFiles("a", "a", {"mr": source})],
        tmp_path / "cohort",
        PrepareOptions(ratios=(1, 0, 0), intensity={"mr": HU}),
    )
    case = cohort.case("a")
    synthetic = synthesise_case(model.engine, model.preprocessing, case).volume
    home = resample(synthetic, case.native_grid("mr"))
    np.testing.assert_array_equal(np.rint(home.voxels), volume.voxels)
    np.testing.assert_array_equal(home.affine, read.affine)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_identity_comes_back_from_dicom(orientation: str, tmp_path: Path) -> None:
    """After DICOM's own order of slices, which is that of their normal."""
    volume = reorient(asymmetric("oblique"), orientation)
    about = SeriesAbout("CT", "head", "someone", "1.2.3", "1.2.4")
    (tmp_path / "archive").mkdir()
    write_series(volume, tmp_path / "archive" / "series", about)
    read = io.read(tmp_path / "archive" / "series")
    assert read.orientation[:2] == orientation[:2]
    flipped = read.orientation != orientation
    np.testing.assert_array_equal(read.voxels[:, :, ::-1] if flipped else read.voxels, volume.voxels)

    translation = identity_model().translate(read)
    write_series(translation.volume, tmp_path / "out", about)
    back = io.read(tmp_path / "out")
    np.testing.assert_array_equal(back.voxels, read.voxels)
    assert np.abs(back.grid.corners() - read.grid.corners()).max() <= 1e-3

    model = identity_model()
    (found,) = dicom.find(tmp_path / "archive", dicom.Options(series=("mr:*",))).cases
    options = PrepareOptions(ratios=(1, 0, 0), intensity={"mr": HU})
    case = prepare([found], tmp_path / "cohort", options).case(found.id)
    synthetic = synthesise_case(model.engine, model.preprocessing, case).volume
    home = resample(synthetic, case.native_grid("mr"))
    np.testing.assert_array_equal(np.rint(home.voxels), read.voxels)
    assert np.abs(home.grid.corners() - read.grid.corners()).max() <= 1e-3


def test_a_mirrored_volume_would_be_noticed() -> None:
    volume = asymmetric("isotropic")
    for axis in range(3):
        assert not np.array_equal(np.flip(volume.voxels, axis), volume.voxels)
