"""Files of one virtual subject have the names and the contents of each release."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from transmodal.cohorts.case import Case
from transmodal.cohorts.simulation.contrasts import LABELS
from transmodal.cohorts.simulation.release import contents
from transmodal.cohorts.simulation.release.saving import Files
from transmodal.volumes import Volume

SHAPE = (7, 6, 5)


@pytest.fixture
def case() -> Case:
    draw = np.random.default_rng(0)
    names = ("t1", "t2", "pd", "flair", "ct", "fa")
    mask, labels = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    mask[1:6, 1:5, 1:4] = 1
    labels[3, 3, 2] = LABELS["lesion"]
    eye = np.eye(4)
    volumes = {name: Volume(draw.integers(1, 900, SHAPE).astype(np.int16), eye) for name in names}
    return Case("v1", "v1", volumes, Volume(mask, eye), Volume(labels, eye))


def test_synthrad_names_tell_task_site_and_number(case: Case) -> None:
    files = contents.synthrad2023_files(case, 4)
    assert list(files) == [f"Task1/brain/1BB005/{image}.nii.gz" for image in ("mr", "ct", "mask")]
    outline = files["Task1/brain/1BB005/mask.nii.gz"].voxels
    assert case.mask is not None
    assert outline.sum() > case.mask.voxels.sum()
    assert outline[case.mask.voxels > 0].all()


def test_a_cone_beam_is_noisier_and_has_less_contrast(case: Case) -> None:
    files = contents.synthrad2025_files(case, 0)
    cone, ct = (files[f"Task2/HN/2HNA001/{image}.mha"].voxels.astype(float) for image in ("cbct", "ct"))
    slope, _ = np.polyfit(ct.ravel(), cone.ravel(), 1)
    assert slope == pytest.approx(0.9, abs=0.05)
    assert np.std(cone - 0.9 * ct) == pytest.approx(40, rel=0.2)


@pytest.mark.parametrize(
    ("make", "seg", "enhancing"),
    [
        (contents.brats2020_files, "BraTS20_Training_003/BraTS20_Training_003_seg.nii", 4),
        (contents.brats2021_files, "BraTS2021_00002/BraTS2021_00002_seg.nii.gz", 4),
        (contents.brats2023_files, "BraTS-GLI-00002-000/BraTS-GLI-00002-000-seg.nii.gz", 3),
    ],
)
def test_brats_labels_are_those_of_its_year_and_skulls_are_gone(
    case: Case,
    make: Callable[[Case, int], Files],
    seg: str,
    enhancing: int,
) -> None:
    files = make(case, 2)
    assert len(files) == 5
    labels = files[seg].voxels
    assert set(np.unique(labels)) == {0, 2, enhancing}
    assert (labels == enhancing).sum() == 1
    assert case.mask is not None
    for volume in files.values():
        assert (volume.voxels[case.mask.voxels == 0] == 0).all()


def test_t1_of_ixi_has_moved_and_has_other_axes(case: Case) -> None:
    files = contents.ixi_files(case, 1)
    t1, t2 = (files[f"IXI-{name}/IXI003-HH-0829-{name}.nii.gz"] for name in ("T1", "T2"))
    assert t1.orientation == "PSR"
    assert t2.grid == case.volumes["t2"].grid
    assert not np.allclose(np.sort(t1.grid.corners(), axis=0), np.sort(t2.grid.corners(), axis=0), atol=1)


def test_every_fifth_subject_of_slices_is_for_testing(case: Case) -> None:
    sides = [{path.split("/")[0] for path in contents.slices_files(case, n)} for n in (3, 4)]
    assert sides == [{"trainA", "trainB"}, {"testA", "testB"}]
    files = contents.slices_files(case, 3)
    assert len(files) == 2 * SHAPE[2]
    assert all(volume.voxels.shape[2] == 1 and volume.voxels.dtype == np.uint16 for volume in files.values())
