from __future__ import annotations

import json

from transmodal.metrics.protocol import Protocol

MASKED = Protocol("mask", 3, "HU")
RANGED = Protocol("whole", 3, "HU", 4024.0)
SLICED = Protocol("mask", 2, "HU", 4024.0, (11, 9), "mirrored")


def test_the_protocol_says_how_a_figure_was_taken() -> None:
    assert MASKED.text() == "inside the evaluation mask; 3D; in HU; target's native grid, values not clipped"
    assert RANGED.text() == "whole volume; 3D; data range 4024 HU; target's native grid, values not clipped"
    assert SLICED.text() == (
        "inside the evaluation mask; 2D, mean over axial slices that meet the mask; data range 4024 HU; "
        "Gaussian window 11x9 sigma 1.5, K 0.01 0.03, population statistics, image mirrored at its border; "
        "target's native grid, values not clipped"
    )


def test_other_protocols_have_other_texts() -> None:
    some = [
        MASKED,
        Protocol("mask", 3, "FA"),
        RANGED,
        SLICED,
        Protocol("whole", 2, "HU", 4024.0, (11, 9), "interior"),
        Protocol("mask", 2, "HU", 4024.0, (11, 11), "mirrored"),
        Protocol("mask", 2, "HU", 4095.0, (11, 9), "mirrored"),
        Protocol("mask", 2, "FA", 4024.0, (11, 9), "mirrored"),
        Protocol("mask", 3, "HU", 4024.0, (11, 9), "mirrored"),
    ]
    assert len({one.text() for one in some}) == len(some)


def test_a_protocol_is_json() -> None:
    fields = json.loads(json.dumps(SLICED.to_json()))
    assert Protocol(**{**fields, "window": tuple(fields["window"])}) == SLICED
    assert MASKED.to_json()["window"] is None
