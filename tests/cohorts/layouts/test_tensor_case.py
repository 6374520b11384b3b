"""FA of a case: what looks preprocessed, what is no FA, and grids that differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.case import Case
from transmodal.cohorts.layouts._tensor_case import (
    DiffusionSeries,
    InUnits,
    OneGrid,
    TensorCase,
    looks_preprocessed,
)
from transmodal.errors import InputError
from transmodal.volumes import Volume


def case_of(fa: Volume | None, t1: Volume | None = None) -> Case:
    volumes = {"t1": t1, "fa": fa}
    return Case("c", "p", {name: volume for name, volume in volumes.items() if volume is not None})


def fa_of(*values: float) -> Volume:
    return Volume(np.array(values, np.float32).reshape(-1, 1, 1), np.eye(4))


@pytest.mark.parametrize(
    ("dwi", "bvec", "preprocessed"),
    [
        ("s_desc-preproc_dwi.nii.gz", "s.bvec", True),
        ("Eddy_out.nii.gz", "s.bvec", True),
        ("s_dwi.nii.gz", "s.eddy_rotated_bvecs", True),
        ("s_dwi.nii.gz", "s.bvec", False),
        ("data.nii.gz", "bvecs", False),
    ],
)
def test_names_tell_of_preprocessing(dwi: str, bvec: str, preprocessed: bool, tmp_path: Path) -> None:
    series = DiffusionSeries(tmp_path / dwi, tmp_path / "s.bval", tmp_path / bvec)
    assert looks_preprocessed(series) == preprocessed
    if not preprocessed:
        with pytest.raises(InputError, match="looks unprocessed") as refused:
            TensorCase("c", "p", tmp_path / "t1.nii", series).load()
        assert refused.value.code == "E100"


def test_fsls_data_beside_its_mask_are_preprocessed(tmp_path: Path) -> None:
    (tmp_path / "nodif_brain_mask.nii.gz").write_bytes(b"")
    series = DiffusionSeries(tmp_path / "data.nii.gz", tmp_path / "bvals", tmp_path / "bvecs")
    assert looks_preprocessed(series)


def test_values_outside_0_to_1_are_noted_and_other_units_refused() -> None:
    assert InUnits()(case_of(fa_of(0, 0.5, 1.0, 1.2, -0.1))).notes == {"fa_outside": 0.5}
    assert InUnits()(case_of(fa_of(0, 0))).notes == {"fa_outside": 0.0}
    bare = case_of(None, fa_of(1))
    assert InUnits()(bare) is bare
    for wrong, code in (
        (fa_of(0, 255), "E103"),
        (fa_of(-0.6, 1), "E103"),
        (Volume(np.zeros((2, 2, 2, 3), np.uint8), np.eye(4)), "E122"),
    ):
        with pytest.raises(InputError) as refused:
            InUnits()(case_of(wrong))
        assert refused.value.code == code


def test_two_grids_are_refused_with_both_named() -> None:
    same = case_of(fa_of(0, 1), fa_of(5, 6))
    assert OneGrid()(same) is same
    coarse = Volume(np.zeros((3, 1, 1)), np.diag([2.0, 2.0, 2.0, 1.0]))
    with pytest.raises(InputError, match=r"t1 of \(3, 1, 1\) voxels, \[2\.0, 2\.0, 2\.0\] mm") as refused:
        OneGrid()(case_of(fa_of(0, 1), coarse))
    assert refused.value.code == "E130"
