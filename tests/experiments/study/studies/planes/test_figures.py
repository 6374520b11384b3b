"""Figures by plane: slices pool by their number, and every test is corrected for all of them."""

from __future__ import annotations

from typing import Any

import pytest

from transmodal.experiments.study.studies.planes.figures import PlaneRow, take_gains, take_slices


def row_of(name: str, gain: float) -> PlaneRow:
    cases: list[dict[str, Any]] = []
    for n in range(8):
        slices = {
            plane: {"n": 10, "excluded": 0, "ssim": 0.9, "n_psnr": 10, "psnr": 20.0 + n}
            for plane in ("x", "y", "own planes pooled", "fused")
        }
        slices["z"] = {"n": 30, "excluded": 2, "ssim": 0.5, "n_psnr": 0, "psnr": None}
        errors = {"x": 1.0, "y": 1.0 + 0.01 * n, "z": 1.0, "fused": 1.0 - gain * (1 + 0.1 * n)}
        cases.append(
            {
                "patient": f"p{n}",
                "slices": slices,
                "volumes": {plane: {"mae": error} for plane, error in errors.items()},
            }
        )
    return PlaneRow(name, "FA", [cases], ("z",))


def test_gains_are_tested_against_every_plane() -> None:
    gains = take_gains([row_of("better", 0.1), row_of("same", 0.0)])
    assert [(gain.row, gain.plane) for gain in gains] == [
        (row, plane) for row in ("better", "same") for plane in "xyz"
    ]
    better, same = gains[0], gains[3]
    assert better.difference.mean == pytest.approx(-0.135)
    assert better.p == pytest.approx(6 * 2 / 2**8)
    assert (same.difference.mean, same.p) == (0, 1)


def test_every_slice_counts_once_beside_the_means_over_subjects() -> None:
    figures = {(figure.group, figure.figure): figure for figure in take_slices([row_of("unet", 0.1)])}
    assert figures["x, sagittal", "PSNR, dB, all slices"].value == pytest.approx(23.5)
    assert figures["x, sagittal", "PSNR, dB, all slices"].note == "80 slices"
    assert figures["z, axial", "SSIM, all slices"].note == "240 slices"
    assert figures["z, axial", "PSNR, dB"].value is None
    assert figures["z, axial", "PSNR, dB, all slices"].value is None
