"""BMP files that declare other rows than they hold."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from transmodal.errors import InputError
from transmodal.volumes.formats import bmp, raster

PIXELS = np.arange(1, 92, dtype=np.uint8).reshape(13, 7)


@pytest.mark.parametrize("mode", ["L", "RGB", "1", "P"])
@pytest.mark.parametrize("behind", [0, 2])
def test_whole_ones_pass(mode: str, behind: int, tmp_path: Path) -> None:
    Image.fromarray(PIXELS).convert(mode).save(tmp_path / "a.bmp")
    (tmp_path / "a.bmp").write_bytes((tmp_path / "a.bmp").read_bytes() + bytes(behind))
    bmp.check(tmp_path / "a.bmp")


@pytest.mark.parametrize(("place", "number"), [(22, 12), (22, 1), (22, 14), (22, -12), (18, 3), (10, 60)])
def test_missing_and_hidden_rows_are_refused(place: int, number: int, tmp_path: Path) -> None:
    path = tmp_path / "a.bmp"
    Image.fromarray(PIXELS).save(path)
    content = bytearray(path.read_bytes())
    content[place : place + 4] = struct.pack("<i", number)
    path.write_bytes(content)
    with pytest.raises(InputError, match="bytes of pixels") as caught:
        raster.read(path, assume_orientation="LPS")
    assert caught.value.code == "E101"


def test_runs_are_refused(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.bmp")
    content = bytearray((tmp_path / "a.bmp").read_bytes())
    content[30] = 1
    (tmp_path / "a.bmp").write_bytes(content)
    with pytest.raises(InputError) as caught:
        bmp.check(tmp_path / "a.bmp")
    assert caught.value.code == "E123"
