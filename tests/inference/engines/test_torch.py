"""The engine that is the translator itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from transmodal import translators
from transmodal.errors import InternalError, UsageError
from transmodal.inference.engines.torch import TorchEngine

SETTINGS = {"width": 2, "levels": 2, "source_channels": (1, 1)}
NOISE = np.array([3, 4, 5])


def windows(side: int = 16) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(1).random((3, 2, side, side), dtype=np.float32) * 2 - 1


def test_it_gives_what_the_translator_gives_and_leaves_its_mode_alone() -> None:
    translator = translators.build("unet_regression", SETTINGS).eval()
    engine, source = TorchEngine(translator, torch.device("cpu")), windows()
    synthetic = engine.infer(source, np.ones((3, 2), np.float32), NOISE)
    with torch.no_grad():
        expected = translator(torch.from_numpy(source), torch.ones(3, 2))
    np.testing.assert_array_equal(synthetic, expected.numpy())
    assert synthetic.dtype == np.float32
    assert not translator.training


def test_training_mode_is_refused() -> None:
    """Dropout and statistics of training would give another image, and nobody would see it."""
    translator = translators.build("unet_regression", SETTINGS)
    engine = TorchEngine(translator, torch.device("cpu"))
    with pytest.raises(InternalError, match="training mode") as refused:
        engine.infer(windows(), np.ones((3, 2), np.float32), NOISE)
    assert refused.value.code == "E601"


def test_windows_that_do_not_fit_are_refused() -> None:
    translator = translators.build("unet_regression", SETTINGS).eval()
    with pytest.raises(UsageError, match="multiples of"):
        TorchEngine(translator, torch.device("cpu")).infer(windows(15), np.ones((3, 2), np.float32), NOISE)
