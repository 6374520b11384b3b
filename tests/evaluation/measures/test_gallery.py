"""The gallery keeps the first, the best and the worst case, each once with all its reasons."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.evaluation.drawing.figures import DisplayWindow
from transmodal.evaluation.measures.gallery import CasePictures, Gallery, WindowedStrip


def _pictures(case: str) -> CasePictures:
    target = WindowedStrip(np.zeros((4, 4), np.float32), DisplayWindow(0.0, 1.0, ""))
    return CasePictures(case, (), {}, target, {}, 1.0, (), ())


@pytest.mark.parametrize(("higher_is_better", "best", "worst"), [(True, "b", "c"), (False, "c", "b")])
def test_cases_are_ranked_by_the_direction_of_the_metric(
    higher_is_better: bool, best: str, worst: str
) -> None:
    gallery = Gallery("PSNR of unet", higher_is_better=higher_is_better)
    for case, value in {"a": 2.0, "b": 3.0, "c": 1.0, "d": 2.5}.items():
        gallery.add(_pictures(case), value)
    reasons = {picture.case: picture.why for picture in gallery.cases()}
    assert reasons == {
        "a": ("first case",),
        best: ("best PSNR of unet",),
        worst: ("worst PSNR of unet",),
    }


def test_a_single_case_has_all_reasons_and_none_is_no_case() -> None:
    gallery = Gallery("MAE of unet", higher_is_better=False)
    assert gallery.cases() == ()
    gallery.add(_pictures("a"), 1.0)
    (only,) = gallery.cases()
    assert only.why == ("first case", "best MAE of unet", "worst MAE of unet")
