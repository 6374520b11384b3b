"""The template on its coarse grid, and what it is not laid over."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.errors import InputError
from transmodal.volumes import Volume
from transmodal.volumes.regions.template_alignment import (
    SHAPE_MM,
    align_template,
    coarse_template,
    no_brain_error,
)


def test_the_search_looks_at_the_brain_and_six_millimetres_around() -> None:
    t1, mask, ring = coarse_template()
    assert t1.spacing == pytest.approx((SHAPE_MM,) * 3)
    assert t1.grid.same_as(mask.grid)
    brain = mask.voxels >= 0.5
    assert ring[brain].all()
    assert 1.1 < ring.sum() / brain.sum() < 1.6
    assert coarse_template() is coarse_template()


def test_a_volume_without_a_head_is_refused() -> None:
    dots = np.zeros((20, 22, 24), np.float32)
    dots[::4, ::4, ::4] = 1  # nothing of them is left by an opening
    with pytest.raises(InputError, match="no head stands out") as refused:
        align_template(Volume(dots, np.diag([4.0, 4.0, 4.0, 1.0])))
    assert refused.value.code == "E124"


def test_the_error_says_what_else_could_be_done() -> None:
    error = no_brain_error("too dark")
    assert error.got == "no brain found: too dark"
    assert "body or whole" in error.remedy
