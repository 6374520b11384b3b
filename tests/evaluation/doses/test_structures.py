"""Structures that doses are compared in: labels, and contours in the dose's own frame of reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rt_files import dose, slab, structure_set
from transmodal.errors import InputError
from transmodal.evaluation.doses.structures import of_labels, of_set
from transmodal.volumes import Volume, io


def test_labels_are_structures_by_number() -> None:
    labels = np.zeros((3, 3, 3), np.int16)
    labels[0], labels[1, 1, 1] = 4, 2
    regions = of_labels(Volume(labels, np.eye(4)))
    assert [(region.label, region.title, int(region.mask.sum())) for region in regions] == [
        (2, "structure 2", 1),
        (4, "structure 4", 9),
    ]
    with pytest.raises(InputError, match="no structure"):
        of_labels(Volume(np.zeros((3, 3, 3), np.int16), np.eye(4)))


def test_contours_are_filled_on_the_dose_and_what_lies_elsewhere_is_left_out(tmp_path: Path) -> None:
    folder = dose(tmp_path / "rd")
    grid = io.read(folder).grid
    # The dose begins at (-10, 20, -30) mm: the slab holds the columns from -8 on, and rows of 20 and 22 mm.
    rois = {"PTV": slab(-9, 23, [-30.0, -27.5]), "couch": slab(900, 950, [-30.0])}
    path = structure_set(tmp_path / "rs.dcm", rois)
    (region,) = of_set(path, grid, folder)
    assert (region.label, region.title) == (1, "PTV")
    i, j, k = np.nonzero(region.mask)
    assert (i.min(), set(j), set(k)) == (1, {0, 1}, {0, 1})
    with pytest.raises(InputError, match="none has a voxel") as refused:
        of_set(structure_set(tmp_path / "b.dcm", {"couch": rois["couch"]}), grid, folder)
    assert refused.value.code == "E124"


def test_another_frame_of_reference_is_refused(tmp_path: Path) -> None:
    folder = dose(tmp_path / "rd", FrameOfReferenceUID="1.2.8")
    path = structure_set(tmp_path / "rs.dcm", {"PTV": slab(-9, 23, [-30.0])})
    with pytest.raises(InputError, match="two frames of reference") as refused:
        of_set(path, io.read(folder).grid, folder)
    assert refused.value.code == "E130"
    # A dose that is no DICOM says none.
    assert of_set(path, io.read(folder).grid, tmp_path / "rs.dcm")
