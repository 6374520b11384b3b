"""RT Dose: Gy on its own grid, planes where they say they lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rt_files import STORED, dose
from transmodal.errors import InputError
from transmodal.volumes import io


@pytest.mark.parametrize(
    ("offsets", "step", "first"),
    [
        ([0.0, 2.5, 5.0, 7.5], 2.5, -30.0),
        ([0.0, -2.5, -5.0, -7.5], -2.5, -30.0),
        ([-30.0, -27.5, -25.0, -22.5], 2.5, -30.0),
    ],
)
def test_a_dose_is_read_in_gray_on_its_grid(
    offsets: list[float], step: float, first: float, tmp_path: Path
) -> None:
    volume = io.read(dose(tmp_path / "d", GridFrameOffsetVector=offsets))
    np.testing.assert_allclose(volume.voxels, STORED.transpose(2, 1, 0) * 0.001, rtol=1e-6)
    for i, j, k in ((0, 0, 0), (5, 4, 3), (2, 1, 3)):
        lps = np.array([-10 + 1.5 * i, 20 + 2.0 * j, first + step * k])
        np.testing.assert_allclose((volume.affine @ [i, j, k, 1])[:3], lps * [-1, -1, 1], atol=1e-9)


@pytest.mark.parametrize(
    ("elements", "code"),
    [
        ({"DoseUnits": "RELATIVE"}, "E105"),
        ({"DoseGridScaling": "0"}, "E105"),
        ({"GridFrameOffsetVector": [0.0, 2.5, 5.0, 9.0]}, "E103"),
        ({"GridFrameOffsetVector": [0.0, 0.0, 0.0, 0.0]}, "E103"),
        ({"GridFrameOffsetVector": [4.0, 6.5, 9.0, 11.5]}, "E103"),
        ({"GridFrameOffsetVector": [0.0, 2.5, 5.0]}, "E103"),
        ({"PixelData": STORED.tobytes()[:-8]}, "E101"),
    ],
    ids=str,
)
def test_a_dose_that_makes_no_sense_is_refused(
    elements: dict[str, object], code: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        io.read(dose(tmp_path / "d", **elements))
    assert caught.value.code == code


def test_several_grids_are_refused(tmp_path: Path) -> None:
    dose(tmp_path / "d", SeriesInstanceUID="1.2.7", SOPInstanceUID="1.2.7.11111111")
    dose(tmp_path / "d", SeriesInstanceUID="1.2.7", SOPInstanceUID="1.2.7.22222222")
    with pytest.raises(InputError, match="2 dose grids") as caught:
        io.read(tmp_path / "d")
    assert caught.value.code == "E121"
