from __future__ import annotations

from transmodal.cohorts.headers.acquisition import Acquisition


def test_kinds_of_echoes_and_inversion() -> None:
    assert Acquisition("", scanning_sequence=("GR",)).is_gradient
    assert not Acquisition("", scanning_sequence=("GR", "SE")).is_gradient
    assert Acquisition("", scanning_sequence=("SE", "IR")).inverts
    assert Acquisition("", inversion_ms=2200.0).fluid_suppressed
    assert not Acquisition("", inversion_ms=900.0).fluid_suppressed
    assert not Acquisition("").fluid_suppressed
