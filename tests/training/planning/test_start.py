"""A start that cannot succeed is refused before anything is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, ResourceError
from transmodal.recipes.schema import Recipe
from transmodal.training.planning.plan import plan
from transmodal.training.planning.start import check_start


def test_a_device_that_is_not_there_is_named(cohort: Cohort, tiny: Callable[..., Recipe]) -> None:
    check_start(plan(tiny(), cohort))
    if torch.cuda.is_available():
        pytest.skip("a machine without CUDA shows the refusal")
    with pytest.raises(ResourceError, match="cuda") as refused:
        check_start(plan(tiny(device="cuda"), cohort))
    assert refused.value.code == "E404"


def test_a_stream_without_windows_is_refused(cohort: Cohort, tiny: Callable[..., Recipe]) -> None:
    windows = {"windows": {"axes": ["z"], "min_foreground": 1.0}}
    with pytest.raises(InputError) as refused:
        check_start(plan(tiny(changes=windows), cohort))
    assert refused.value.code == "E132"
