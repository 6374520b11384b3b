"""Volumes as ITK's images, and transforms as matrices."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (the field's name for it)

import transmodal
from transmodal.volumes import Volume
from transmodal.volumes.geometry import itk
from transmodal.volumes.geometry.reorient import resample, working_grid
from transmodal.volumes.geometry.working_pair import coarsen
from transmodal.volumes.regions import template


def brain(spacing_mm: float = 4.0) -> Volume:
    t1 = template.t1()
    return resample(t1.with_voxels(t1.voxels.astype(np.float32)), working_grid(t1.grid, spacing_mm))


def test_images_go_to_itk_and_back() -> None:
    volume = brain(8.0)
    image = itk.to_image(volume)
    assert image.GetSize() == volume.grid.shape
    np.testing.assert_allclose(np.array(image.GetOrigin()) * [-1, -1, 1], volume.affine[:3, 3], atol=1e-9)
    np.testing.assert_array_equal(itk.to_voxels(image), volume.voxels)
    turned = itk.matrix(sitk.AffineTransform([2.0, 0, 0, 0, 1, 0, 0, 0, 1], [1.0, 2, 3]))
    np.testing.assert_allclose(turned, [[2, 0, 0, 1], [0, 1, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]])
    assert coarsen(volume, 16.0).spacing == pytest.approx((16.0, 16.0, 16.0))


def test_no_filter_is_made_but_on_one_thread_in_one_unit_of_work() -> None:
    method = itk.on_one_thread(sitk.ImageRegistrationMethod())
    assert (method.GetNumberOfThreads(), method.GetNumberOfWorkUnits()) == (1, 1)
    made = re.compile(r"(?<!on_one_thread\()sitk\.\w+(Filter|Method)\(")
    source = Path(transmodal.__file__).parent
    assert [path.name for path in source.rglob("*.py") if made.search(path.read_text(encoding="utf-8"))] == []
    assert made.search("sampler = sitk.ResampleImageFilter()")
