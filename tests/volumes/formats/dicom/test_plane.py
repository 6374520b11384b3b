"""Directions and distances within a DICOM plane: rows and columns are not mixed up, nonsense is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from transmodal.errors import InputError
from transmodal.volumes.formats.dicom.plane import in_plane_axes
from transmodal.volumes.formats.dicom.slice_header import Slice

TURN = np.deg2rad(10)
ROW, COLUMN = [np.cos(TURN), np.sin(TURN), 0.0], [-np.sin(TURN), np.cos(TURN), 0.0]


def header(axes: list[float], spacing: list[float]) -> Slice:
    dataset = Dataset()
    dataset.ImageOrientationPatient, dataset.PixelSpacing = axes, spacing
    return Slice(Path("0001.dcm"), dataset)


def test_pixel_spacing_is_between_rows_first() -> None:
    axes, (along_row, along_column) = in_plane_axes("s", header([*ROW, *COLUMN], [2.0, 0.5]))
    np.testing.assert_allclose(axes, [ROW, COLUMN])
    assert (along_row, along_column) == (0.5, 2.0)


@pytest.mark.parametrize(
    ("axes", "spacing"),
    [
        ([1.0, 0, 0, 0.1, 1.0, 0], [1.0, 1.0]),
        ([2.0, 0, 0, 0, 1.0, 0], [1.0, 1.0]),
        ([1.0, 0, 0, 0, 1.0, 0], [0.0, 1.0]),
        ([1.0, 0, 0, 0, 1.0, 0], [1.0, -1.0]),
    ],
)
def test_axes_that_are_no_right_angle_and_spacings_of_0_are_refused(
    axes: list[float], spacing: list[float]
) -> None:
    with pytest.raises(InputError, match="s has an ImageOrientationPatient or a PixelSpacing") as refused:
        in_plane_axes("s", header(axes, spacing))
    assert refused.value.code == "E103"


def test_an_image_without_its_place_is_refused() -> None:
    with pytest.raises(InputError, match="no ImageOrientationPatient") as refused:
        in_plane_axes("s", Slice(Path("0001.dcm"), Dataset()))
    assert refused.value.code == "E111"
