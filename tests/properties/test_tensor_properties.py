"""FA and its direction belong to the world: no grid, and no turn of the scanner's axes, changes them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from transmodal.cohorts.split.slabs import slabs
from transmodal.volumes import Volume, diffusion
from transmodal.volumes.diffusion import Gradients

SHAPE = (3, 2, 2)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10_000),
    st.permutations([0, 1, 2]),
    st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3),
    st.tuples(*[st.floats(0.5, 4)] * 3),
)
def test_any_grid_gives_the_same_tensor(
    seed: int, order: list[int], flips: tuple[float, ...], spacing: tuple[float, ...]
) -> None:
    draw = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = Rotation.random(rng=seed).as_matrix()[:, order] * flips * spacing
    world = draw.normal(size=(21, 3))
    world /= np.linalg.norm(world, axis=1, keepdims=True)
    b = np.array([0.0, *[1000.0] * 20])
    axes = Rotation.random(rng=seed + 1).as_matrix()
    a, p = 1.7e-3, 0.3e-3
    tensor = p * np.eye(3) + (a - p) * np.outer(axes[0], axes[0])
    signal = 500 * np.exp(-b * np.einsum("ni,ij,nj->n", world, tensor, world))
    voxel = np.linalg.solve(affine[:3, :3] / spacing, world.T).T
    if np.linalg.det(affine[:3, :3]) > 0:
        voxel[:, 0] *= -1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dwi.nii"
        image = nib.Nifti1Image(np.broadcast_to(signal, (*SHAPE, 21)).astype(np.float32), affine)
        nib.save(image, path)
        mask = Volume(np.ones(SHAPE, np.uint8), np.asarray(image.affine, float))
        found = diffusion.fit_tensors(path, Gradients(b, voxel), mask=mask)
    fa = (a - p) / np.sqrt(a**2 + 2 * p**2)
    np.testing.assert_allclose(found.fa.voxels, fa, atol=1e-3)
    assert (np.abs(found.direction @ axes[0]) > 1 - 1e-4).all()


@given(st.integers(30, 3000), st.integers(1, 5), st.integers(1, 3))
def test_no_slice_is_on_two_sides_or_in_a_gap(n: int, gap: int, blocks: int) -> None:
    found = slabs(n, gap, (2, 1, 1), 1 if n < 100 else blocks)
    sides = np.full(n, -1)
    for number, slab in enumerate(found):
        assert (sides[slab.first : slab.last] == -1).all()
        sides[slab.first : slab.last] = number
    assert (sides == -1).sum() == gap * (len(found) - 1)
    assert {slab.side for slab in found} == {"train", "validation", "test"}
