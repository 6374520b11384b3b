"""An engine is believed where its first windows are torch's."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from small_networks import CPU, Change, ChangedEngine, build, windows
from transmodal.errors import InternalError
from transmodal.inference.engines._base import EngineError
from transmodal.inference.engines._compared import COMPARED, TOLERANCE, ComparedEngine
from transmodal.inference.engines.torch import TorchEngine


def compared(change: Change) -> tuple[ComparedEngine, ChangedEngine]:
    torch_engine = TorchEngine(build(), CPU)
    changed = ChangedEngine(torch_engine, change)
    return ComparedEngine("torch", changed, torch_engine), changed


def only_in_batches(synthetic: NDArray[np.float32]) -> NDArray[np.float32]:
    return synthetic if len(synthetic) > 1 else synthetic + 1


def not_finite(synthetic: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(synthetic == synthetic.max(), np.float32(np.nan), synthetic)


@pytest.mark.parametrize(
    "change",
    [lambda x: x + 3e-5, only_in_batches, not_finite, lambda x: x[:2]],
    ids=["values", "single", "nan", "shape"],
)
def test_what_differs_from_torch_is_refused(change: Change) -> None:
    engine, _ = compared(change)
    with pytest.raises(EngineError, match="differs from torch"):
        engine.infer(*windows(build(), 3))


def test_rounding_is_let_through_and_told() -> None:
    engine, _ = compared(lambda x: x + np.float32(4e-6))
    own = max(1.0, float(np.ptp(engine.infer(*windows(build(), 3)))))  # a linear head's range is its values'
    record = engine.record()
    assert record["largest_difference"] == pytest.approx(4e-6 / own, rel=0.1)
    assert (record["name"], record["tolerance"]) == ("torch", TOLERANCE)


def test_the_first_windows_of_each_shape_are_compared_and_no_others() -> None:
    engine, changed = compared(lambda x: x)
    source, available, noise = windows(build(), COMPARED + 2)
    for batch in (source, source, source[..., :16]):
        engine.infer(batch, available, noise)
    assert changed.sizes == [6, 1, 6, 6, 1]


def test_windows_that_hold_something_are_compared_however_late_they_come() -> None:
    engine, changed = compared(lambda x: x)
    source, available, noise = windows(build(), COMPARED + 2)
    source[: COMPARED + 1] = -1
    engine.infer(source[:2], available[:2], noise[:2])
    changed.change = lambda x: np.concatenate([x[:-1], x[-1:] + np.float32(1)]) if len(x) > 1 else x
    with pytest.raises(EngineError, match="differs from torch"):
        engine.infer(source, available, noise)


def test_training_mode_is_refused() -> None:
    engine, changed = compared(lambda x: x)
    changed.engine.translator.train()
    with pytest.raises(InternalError, match="training mode"):
        engine.infer(*windows(build(), 1))
