"""Slices of arrays and pictures become a volume; their spacing is given or said to be assumed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.layouts._slice_files import Slices
from transmodal.cohorts.layouts._slice_stack import SliceStack, spacing_of
from transmodal.cohorts.quality.assumed_spacing import NOTE
from transmodal.errors import InputError, UsageError

PLANES = np.arange(4 * 3 * 5, dtype=np.int16).reshape(4, 3, 5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    np.save(tmp_path / "t1.npy", PLANES)
    return tmp_path / "t1.npy"


def test_columns_run_left_and_rows_back(path: Path) -> None:
    case = SliceStack("c", "p", (("t1", (Slices(path),)),), (0.5, 0.5, 3.0)).load()
    volume = case.volumes["t1"]
    assert (volume.orientation, volume.spacing) == ("LPS", (0.5, 0.5, 3.0))
    np.testing.assert_array_equal(volume.voxels, PLANES.transpose(2, 1, 0))
    assert NOTE not in case.notes


def test_a_spacing_that_is_not_given_is_assumed_and_said(path: Path) -> None:
    case = SliceStack("c", "p", (("t1", (Slices(path),)),)).load()
    assert case.volumes["t1"].spacing == (1.0, 1.0, 1.0)
    assert case.notes[NOTE] == 1.0


def test_the_fingerprint_follows_what_is_taken(path: Path) -> None:
    stack = SliceStack("c", "p", (("t1", (Slices(path),)),))
    others = [
        replace(stack, spacing_mm=(1.0, 1.0, 1.0)),
        replace(stack, stacks=(("t1", (Slices(path, last=2),)),)),
        replace(stack, group="site A"),
    ]
    assert len({stack.fingerprint(), *(other.fingerprint() for other in others)}) == 4


def test_slices_of_two_sizes_make_no_case(path: Path) -> None:
    np.save(path.with_name("b.npy"), np.zeros((1, 3, 4), np.int16))
    with pytest.raises(InputError, match=r"b\.npy of .* beside t1\.npy of") as refused:
        SliceStack("c", "p", (("t1", (Slices(path), Slices(path.with_name("b.npy")))),)).load()
    assert refused.value.code == "E130"


def test_a_spacing_is_one_or_two_numbers() -> None:
    assert spacing_of(()) is None
    assert spacing_of(("2",)) == (2.0, 2.0, 2.0)
    assert spacing_of(("0.5", "3")) == (0.5, 0.5, 3.0)
    for words in (("x",), ("0",), ("1", "2", "3"), ("nan",), ("-1", "1")):
        with pytest.raises(UsageError) as refused:
            spacing_of(words)
        assert refused.value.code == "E001"
