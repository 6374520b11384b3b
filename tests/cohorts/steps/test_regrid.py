"""A volume on another's grid, by headers alone."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.cohorts.case import Case
from transmodal.cohorts.steps.regrid import Regrid
from transmodal.errors import InputError
from transmodal.volumes import Volume

CT = Volume(np.arange(60, dtype=np.int16).reshape(3, 4, 5), np.eye(4))


def dose() -> Volume:
    affine = np.eye(4)
    affine[0, 3] = 1.0  # a voxel further right, and one voxel shorter
    return Volume(np.ones((2, 4, 5), np.float32), affine)


def test_it_lies_where_its_header_says_and_is_zero_elsewhere() -> None:
    case = Case("c", "p", {"ct": CT, "dose": dose()})
    done = Regrid("dose", "ct")(case)
    assert done.volumes["dose"].grid == CT.grid
    np.testing.assert_array_equal(done.volumes["dose"].voxels[0], 0)
    np.testing.assert_array_equal(done.volumes["dose"].voxels[1:], 1)
    assert done.volumes["ct"] is CT
    assert case.volumes["dose"].grid.shape == (2, 4, 5)


def test_both_have_to_be_there() -> None:
    for name in ("ct", "dose"):
        with pytest.raises(InputError, match=f"no {'dose' if name == 'ct' else 'ct'}") as refused:
            Regrid("dose", "ct")(Case("c", "p", {name: CT}))
        assert refused.value.code == "E131"


def test_its_text_is_part_of_fingerprints() -> None:
    step = Regrid("dose", "ct")
    assert repr(step) == "Laid(modality='dose', fixed='ct')"
    assert step.moved == {"dose"}
    assert step.waits == ""
