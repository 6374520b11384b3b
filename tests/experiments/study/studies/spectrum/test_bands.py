"""Octaves and curves of images: decibels by hand, and words for what is and is not shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from transmodal.experiments.study.studies.spectrum.bands import (
    BandValues,
    band_values,
    describe_octave,
    draw_octave,
    tell_finest,
)

SPREAD = np.array([[0.1, -0.2, 0.0, 0.2, -0.1, 0.05]])


def case_of(patient: str, power: float) -> dict[str, Any]:
    """Return a case whose synthetic image has so much of the target's power, half of it coherent."""
    cross = float(np.sqrt(0.5 * power))
    spectrum = {
        "power": [power] * 4,
        "reference_power": [1.0] * 4,
        "cross": [cross] * 4,
        "turned_cross": [0.0] * 4,
    }
    return {"patient": patient, "spectra": {"synthetic": spectrum}}


def octave(ratio: float, coherent: float, turned: float = 0.1) -> BandValues:
    """Return figures of six patients around these."""
    return BandValues(ratio + SPREAD, coherent + SPREAD / 10, turned - SPREAD / 10, SPREAD)


def test_half_of_the_power_is_3_db_less() -> None:
    values = band_values([[case_of("a", 0.5), case_of("b", 2.0)]], slice(1, 3))
    assert values.ratio_db[0] == pytest.approx([-3.0103, 3.0103], abs=1e-3)
    assert values.coherent[0] == pytest.approx([0.5, 0.5])
    assert values.turned[0] == pytest.approx([0, 0])
    assert values.invented[0] == pytest.approx([0.25, 1.0])
    assert [figure.group for figure in draw_octave("unet", "0.1 to 0.2", values)] == ["0.1 to 0.2"] * 4


def test_words_say_what_is_shown() -> None:
    assert describe_octave(octave(-6, 0.8)).startswith("loses 6.0 dB of the target's power; 80 %")
    assert describe_octave(octave(4, 0.8)).startswith("has 4.0 dB more power")
    level = describe_octave(octave(0, 0.1))
    assert level.startswith("power is not shown to differ")
    assert level.endswith("not shown to be more than with the target turned round")
    assert tell_finest([octave(-6, 0.8), octave(4, 0.1)]) == (
        "In the finest octave, of 2 translators 1 lose power and 1 have more than the target; of 1 the power is more coherent with "
        "the target than by chance."
    )
