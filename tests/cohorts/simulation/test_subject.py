"""A simulated subject."""

from __future__ import annotations

import numpy as np

from transmodal.cohorts.simulation.subject import AnatomyOnGrid, VirtualSubject, draw_subject

STILL = np.zeros(3)


def drawn(index: int, spacing_mm: float = 6.0) -> VirtualSubject:
    return draw_subject(7, index, spacing_mm, 0.0, lesions=True)


def test_shells_fill_what_the_brain_leaves() -> None:
    subject = drawn(3, 5.0)
    seen = AnatomyOnGrid(subject, STILL)
    shells = seen.shells
    parts = [part for name, part in shells._asdict().items() if name not in ("inner_air", "texture")]
    np.testing.assert_allclose(sum(parts) + seen.full(seen.brain.inside), 1, atol=1e-4)
    assert min(float(part.min()) for part in (*parts, shells.inner_air)) > -1e-5
    volumes = {name: float(part.sum()) * 0.125 for name, part in shells._asdict().items()}
    for name in ("csf", "bone", "diploe", "fat", "muscle", "skin"):
        assert volumes[name] > 60, name  # cm3
    assert volumes["inner_air"] > 5
    assert 5 < volumes["eye"] < 30
