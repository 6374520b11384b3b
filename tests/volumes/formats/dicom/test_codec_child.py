"""The process that decodes pixels: a path in, an array out; of an error it says the type alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom

from dicom_files import series
from transmodal.volumes.formats.dicom import codec_child


def test_arrays_and_errors_are_answered_in_turn(tmp_path: Path) -> None:
    path = series(tmp_path / "s") / "0001.dcm"
    (tmp_path / "doe.dcm").write_bytes(b"no DICOM of Jane Doe")
    lines = [os.fsencode(name).hex().encode() for name in (tmp_path / "doe.dcm", path)]
    done = subprocess.run(
        [sys.executable, codec_child.__file__, str(1 << 30), "60"],
        input=b"\n".join(lines) + b"\n",
        capture_output=True,
        check=True,
    )
    refusal, head, content = done.stdout.split(b"\n", 2)
    assert refusal == b"error InvalidDicomError"
    pixels = pydicom.dcmread(path).pixel_array
    assert head == f"array {pixels.dtype.str} {pixels.shape[0]},{pixels.shape[1]}".encode()
    np.testing.assert_array_equal(np.frombuffer(content, pixels.dtype).reshape(pixels.shape), pixels)
    assert b"doe" not in (done.stdout + done.stderr).lower()
