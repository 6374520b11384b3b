"""FA against tensors that are known: the signals are made here, from the world's tensors, with nothing of the code."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from transmodal.errors import InputError, ResourceError
from transmodal.volumes import Volume, diffusion
from transmodal.volumes.diffusion import Gradients
from transmodal.volumes.formats import nifti

SHAPE = (5, 4, 3)
DRAW = np.random.default_rng(8)
DIRECTIONS = DRAW.normal(size=(30, 3))
DIRECTIONS /= np.linalg.norm(DIRECTIONS, axis=1, keepdims=True)
B = np.array([0.0, 5.0, *[1000.0] * 20, *[1500.0] * 10, *[3000.0] * 30])
VECTORS = np.vstack([np.zeros((2, 3)), DIRECTIONS, DIRECTIONS])


def oblique(*flips: float) -> NDArray[np.float64]:
    affine = np.eye(4)
    turn = Rotation.from_euler("xyz", (20, -35, 50), degrees=True).as_matrix()
    affine[:3, :3] = turn @ np.diag(np.array(flips) * (2.0, 1.5, 3.0))
    affine[:3, 3] = (-20, 7, 31)
    return affine


AFFINES = {
    "straight": np.diag([2.0, 2.0, 2.0, 1.0]),
    "radiological": np.diag([-2.0, 2.0, 2.0, 1.0]),
    "oblique": oblique(1, 1, 1),
    "oblique, flipped": oblique(-1, 1, 1),
    "oblique, turned": oblique(-1, -1, 1),
    "axes permuted": np.diag([1.0, 2.0, 3.0, 1.0])[[2, 0, 1, 3]],
}


def truth() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Tensors `(*SHAPE, 3, 3)` in world with their FA and main axes, by the definitions."""
    draw = np.random.default_rng(3)
    values = np.sort(draw.uniform(0.2e-3, 1.9e-3, (*SHAPE, 3)), axis=-1)
    axes = Rotation.random(int(np.prod(SHAPE)), rng=4).as_matrix().reshape(*SHAPE, 3, 3)
    a, b, c = np.moveaxis(values, -1, 0)
    fa = np.sqrt(((a - b) ** 2 + (b - c) ** 2 + (c - a) ** 2) / (2 * (a**2 + b**2 + c**2)))
    return np.einsum("...ij,...j,...kj->...ik", axes, values, axes), fa, axes[..., 2]


def fsl_vectors(world: NDArray[np.float64], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """FSL's FAQ: along the voxel axes, and the x-component is turned round where the determinant is positive."""
    along = np.array([[column @ g for column in affine[:3, :3].T / np.linalg.norm(affine[:3, :3].T, axis=1)[:, None]]
                      for g in world])  # fmt: skip
    if np.linalg.det(affine[:3, :3]) > 0:
        along[:, 0] *= -1
    return along


def signals(b: NDArray[np.float64], world: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what a scanner would measure, `(*SHAPE, N)`; above b = 1500 something else altogether."""
    tensor, _, _ = truth()
    weighting = np.einsum("ni,...ij,nj->...n", world, tensor, world) * b
    made = 900 * np.exp(-weighting)
    made[..., b > 1500] = 900 * np.random.default_rng(1).random((*SHAPE, int((b > 1500).sum())))
    return made


def write(path: Path, values: NDArray[Any], affine: NDArray[np.float64]) -> Path:
    image = nib.Nifti1Image(values, affine)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    nib.save(image, path)
    return path


@pytest.fixture
def everywhere() -> NDArray[np.uint8]:
    return np.ones(SHAPE, np.uint8)


@pytest.mark.parametrize("name", AFFINES)
def test_fa_and_direction_are_those_of_the_world(
    name: str, tmp_path: Path, everywhere: NDArray[np.uint8]
) -> None:
    affine = AFFINES[name]
    path = write(tmp_path / "dwi.nii.gz", signals(B, VECTORS).astype(np.float32), affine)
    _, fa, main = truth()
    found = diffusion.fit_tensors(
        path, Gradients(B, fsl_vectors(VECTORS, affine)), mask=Volume(everywhere, affine)
    )
    assert np.abs(found.fa.voxels - fa).max() < 1e-3
    assert (np.abs((found.direction * main).sum(axis=-1)) > 1 - 1e-4)[fa > 0.2].all()
    np.testing.assert_allclose(found.b0.voxels, 900, rtol=0.02)
    assert found.fa.grid.same_as(Volume(everywhere, affine).grid)
    assert found.notes == {"b0_volumes": 2, "weighted_volumes": 30, "b_highest": 1500, "fa_outside": 0}


def test_shells_are_chosen(tmp_path: Path, everywhere: NDArray[np.uint8]) -> None:
    path = write(tmp_path / "dwi.nii.gz", signals(B, VECTORS).astype(np.float32), np.eye(4))
    gradients, mask = Gradients(B, fsl_vectors(VECTORS, np.eye(4))), Volume(everywhere, np.eye(4))
    low = diffusion.fit_tensors(path, gradients, b_max=1200, mask=mask)
    assert (low.notes["weighted_volumes"], low.notes["b_highest"]) == (20, 1000)
    assert np.abs(low.fa.voxels - truth()[1]).max() < 1e-3
    high = diffusion.fit_tensors(path, gradients, b_max=3000, mask=mask)
    assert np.abs(high.fa.voxels - truth()[1]).max() > 0.05
    assert high.notes["fa_outside"] > 0
    assert high.fa.voxels.max() == 1


def test_scaled_integers_and_dead_voxels(tmp_path: Path, everywhere: NDArray[np.uint8]) -> None:
    values = signals(B, VECTORS)
    values[0, 0, 0] = 0
    image = nib.Nifti1Image(np.rint(values * 30).astype(np.int16), np.eye(4))
    image.header.set_slope_inter(1 / 30, 0)
    nib.save(image, tmp_path / "dwi.nii")
    raw = nib.Nifti1Image(np.rint(values * 30).astype(np.uint16), np.eye(4))
    nib.save(raw, tmp_path / "raw.nii")
    gradients = Gradients(B, fsl_vectors(VECTORS, np.eye(4)))
    _, fa, _ = truth()
    fa[0, 0, 0] = 0
    for name in ("dwi.nii", "raw.nii"):
        found = diffusion.fit_tensors(tmp_path / name, gradients, mask=Volume(everywhere, np.eye(4)))
        assert np.abs(found.fa.voxels - fa).max() < 5e-3


def test_outside_the_mask_is_nothing(tmp_path: Path, everywhere: NDArray[np.uint8]) -> None:
    everywhere[2:] = 0
    path = write(tmp_path / "dwi.nii.gz", signals(B, VECTORS).astype(np.float32), np.eye(4))
    gradients = Gradients(B, fsl_vectors(VECTORS, np.eye(4)))
    found = diffusion.fit_tensors(path, gradients, mask=Volume(everywhere, np.eye(4)))
    assert not found.fa.voxels[2:].any()
    assert not found.direction[2:].any()
    assert found.fa.voxels[:2].all()


@pytest.mark.parametrize("background", [0, 4])
def test_the_brain_is_found_in_b0(background: float, tmp_path: Path) -> None:
    i, j, k = np.meshgrid(*(np.linspace(-1, 1, n) for n in (24, 22, 20)), indexing="ij")
    ball = i**2 + j**2 + k**2 < 0.5
    decay = np.einsum("ni,i,ni->n", VECTORS, (1.7e-3, 0.3e-3, 0.3e-3), VECTORS)
    noise = background * DRAW.random((*ball.shape, 1))
    values = np.where(ball[..., None], 900 * np.exp(-B * decay), noise)
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    path = write(tmp_path / "dwi.nii.gz", values.astype(np.float32), affine)
    found = diffusion.fit_tensors(path, Gradients(B, fsl_vectors(VECTORS, affine)))
    inside = found.fa.voxels > 0
    overlap = 2 * (inside & ball).sum() / (inside.sum() + ball.sum())
    assert overlap == 1 if background == 0 else overlap > 0.97
    assert abs(np.median(found.fa.voxels[ball]) - 0.7990) < 1e-3


def texts(folder: Path, b: str, vectors: str) -> Gradients:
    (folder / "a.bval").write_text(b)
    (folder / "a.bvec").write_text(vectors)
    return diffusion.read_gradients(folder / "a.bval", folder / "a.bvec")


def test_gradients_in_rows_and_in_columns(tmp_path: Path) -> None:
    rows = texts(tmp_path, "0 1000 1000 995\n", "nan 1 0 0\nnan 0 1 0\n0 0 0 1.001\n\n")
    columns = texts(tmp_path, "0\n1000\n1000\n995\n", "0 0 0\n1 0 0\n0 1 0\n0 0 0.999\n")
    for found in (rows, columns):
        np.testing.assert_array_equal(found.b, [0, 1000, 1000, 995])
        np.testing.assert_array_equal(found.vectors, [[0, 0, 0], *np.eye(3)])


@pytest.mark.parametrize(
    ("b", "vectors", "code", "match"),
    [
        ("0 1000", "0 1 0\n0 0 0\n0 0 0", "E103", "2 values and a.bvec of 3 x 3"),
        ("0 1000", "0 1\n0 0", "E103", "2 x 2"),
        ("0 -5", "0 1\n0 0\n0 0", "E103", "-5"),
        ("0 nan", "0 1\n0 0\n0 0", "E103", "nan"),
        ("0 1000", "0 0.5\n0 0\n0 0", "E103", "volume 1 .* of length 0.5"),
        ("0 1000", "0 nan\n0 0\n0 0", "E103", "volume 1 "),
        ("0 x", "0 1\n0 0\n0 0", "E101", "a.bval"),
        ("0 1000", "0 1\n0\n0 0", "E101", "a.bvec"),
        ("", "0 1\n0 0\n0 0", "E101", "a.bval"),
    ],
)
def test_gradients_that_make_no_sense(b: str, vectors: str, code: str, match: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=match) as caught:
        texts(tmp_path, b, vectors)
    assert caught.value.code == code


def test_what_does_not_determine_a_tensor(tmp_path: Path, everywhere: NDArray[np.uint8]) -> None:
    path = write(tmp_path / "dwi.nii.gz", signals(B, VECTORS).astype(np.float32), np.eye(4))
    flat = VECTORS * (1, 1, 1e-5)
    flat[2:] /= np.linalg.norm(flat[2:], axis=1, keepdims=True)
    for b, vectors in (
        (B + 100, VECTORS),
        (np.zeros_like(B), VECTORS),
        (B + (B > 50) * 1000, VECTORS),
        (B, flat),
    ):
        with pytest.raises(InputError, match="do not determine a tensor") as caught:
            diffusion.fit_tensors(path, Gradients(b, vectors), mask=Volume(everywhere, np.eye(4)))
        assert caught.value.code == "E103"


def test_what_does_not_belong_together(tmp_path: Path, everywhere: NDArray[np.uint8]) -> None:
    path = write(tmp_path / "dwi.nii.gz", signals(B, VECTORS).astype(np.float32), np.eye(4))
    gradients = Gradients(B, VECTORS)
    with pytest.raises(InputError, match=r"shape \(5, 4, 3, 62\)") as caught:
        diffusion.fit_tensors(path, Gradients(B[:-1], VECTORS[:-1]))
    assert caught.value.code == "E121"
    with pytest.raises(InputError, match="two grids") as caught:
        diffusion.fit_tensors(path, gradients, mask=Volume(everywhere, np.diag([2.0, 1, 1, 1])))
    assert caught.value.code == "E130"
    with pytest.raises(InputError, match="empty brain mask") as caught:
        diffusion.fit_tensors(path, gradients, mask=Volume(0 * everywhere, np.eye(4)))
    assert caught.value.code == "E124"
    sheared = np.eye(4)
    sheared[0, 1] = 0.3
    image = nib.Nifti1Image(signals(B, VECTORS).astype(np.float32), sheared)
    image.set_qform(None, 0)
    nib.save(image, tmp_path / "sheared.nii")
    with pytest.raises(InputError, match="sheared") as caught:
        diffusion.fit_tensors(tmp_path / "sheared.nii", gradients)
    assert caught.value.code == "E112"


def test_without_dipy_the_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ResourceError, match=r"transmodal\[diffusion\]") as caught:
        diffusion.fit_tensors(tmp_path / "dwi.nii", Gradients(B, VECTORS))
    assert caught.value.code == "E404"


def test_a_series_is_read_as_strictly_as_a_volume(tmp_path: Path) -> None:
    path = write(tmp_path / "dwi.nii.gz", signals(B, VECTORS).astype(np.float32), np.eye(4))
    voxels, affine = nifti.read_series(path, np.array([61, 0]), 62)
    np.testing.assert_array_equal(voxels, signals(B, VECTORS).astype(np.float32)[..., [61, 0]])
    np.testing.assert_array_equal(affine, np.eye(4))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError) as caught:
        nifti.read_series(path, np.array([0]), 62)
    assert caught.value.code == "E101"
    with pytest.raises(ResourceError) as refused:
        nifti.read_series(path, np.array([0]), 62, budget_bytes=100)
    assert refused.value.code == "E401"
    bad = signals(B, VECTORS).astype(np.float32)
    bad[0, 0, 0, 5] = np.nan
    with pytest.raises(InputError) as caught:
        nifti.read_series(write(tmp_path / "bad.nii", bad, np.eye(4)), np.arange(62), 62)
    assert caught.value.code == "E120"
