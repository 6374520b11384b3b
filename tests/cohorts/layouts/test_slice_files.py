"""Planes of pictures and arrays: along the first axis, halves of pictures, and files that hold no slices."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from transmodal.cohorts.layouts._slice_files import Slices, count, read
from transmodal.errors import InputError, ResourceError
from transmodal.storage import memory
from transmodal.volumes.reading import Reading

PLANES = np.arange(4 * 3 * 5, dtype=np.int16).reshape(4, 3, 5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    np.save(tmp_path / "t1.npy", PLANES)
    return tmp_path / "t1.npy"


def test_planes_of_an_array_run_along_its_first_axis(path: Path) -> None:
    assert count(path) == 4
    np.testing.assert_array_equal(read(Slices(path)), PLANES)
    np.testing.assert_array_equal(read(Slices(path, first=1, last=3)), PLANES[1:3])


def test_halves_of_a_picture_lie_side_by_side(tmp_path: Path) -> None:
    picture = np.arange(24, dtype=np.uint8).reshape(4, 6)
    Image.fromarray(picture).save(tmp_path / "pair.png")
    (left,), (right,) = (read(Slices(tmp_path / "pair.png", part)) for part in ("left", "right"))
    np.testing.assert_array_equal(left, picture[:, :3])
    np.testing.assert_array_equal(right, picture[:, 3:])
    assert count(tmp_path / "pair.png") == 1


def test_a_picture_of_odd_width_has_no_halves(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / "pair.png")
    with pytest.raises(InputError, match="a width of 5") as refused:
        read(Slices(tmp_path / "pair.png", "left"))
    assert refused.value.code == "E103"


def test_rows_of_an_array_of_matlab_are_those_that_matlab_shows(tmp_path: Path) -> None:
    shown = PLANES.transpose(1, 2, 0)  # rows x columns x slices
    savemat(tmp_path / "t1.mat", {"data_fs": shown, "more": shown + 1})
    savemat(tmp_path / "single.mat", {"x": PLANES[0]})
    np.testing.assert_array_equal(read(Slices(tmp_path / "t1.mat")), PLANES)
    np.testing.assert_array_equal(read(Slices(tmp_path / "t1.mat", first=1, last=3)), PLANES[1:3])
    np.testing.assert_array_equal(read(Slices(tmp_path / "single.mat")), PLANES[:1])


def test_a_file_of_matlab_that_inflates_beyond_the_budget_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    savemat(tmp_path / "t1.mat", {"data_fs": np.zeros((400, 400, 10))}, do_compression=True)
    assert (tmp_path / "t1.mat").stat().st_size < 1 << 17
    assert count(tmp_path / "t1.mat") == 10
    monkeypatch.setenv(memory.BUDGET, "0.004")
    with pytest.raises(ResourceError) as refused:
        read(Slices(tmp_path / "t1.mat"))
    assert refused.value.code == "E401"


@pytest.mark.parametrize("name", ["t1.npy", "t1.mat"])
def test_a_named_pipe_is_no_stack(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match="named pipe"):
        read(Slices(tmp_path / name))


def test_values_that_are_not_finite_become_0_where_that_is_said(tmp_path: Path) -> None:
    np.save(tmp_path / "t1.npy", np.array([[[1.0, np.nan, -np.inf]]], np.float32))
    (plane,) = read(Slices(tmp_path / "t1.npy"), Reading(nonfinite="zero"))
    np.testing.assert_array_equal(plane, [[1, 0, 0]])


def test_an_array_of_four_dimensions_holds_no_slices(tmp_path: Path) -> None:
    np.save(tmp_path / "t1.npy", np.zeros((1, 2, 2, 2)))
    with pytest.raises(InputError) as refused:
        count(tmp_path / "t1.npy")
    assert refused.value.code == "E121"
