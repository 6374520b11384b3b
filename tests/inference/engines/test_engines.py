"""An engine is a file that is found by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from transmodal import translators
from transmodal.errors import UsageError
from transmodal.inference import engines


def test_the_default_is_there() -> None:
    assert engines.DEFAULT in engines.names()


def test_another_file_is_another_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "constant.py").write_text("def build(translator, device): return (translator, device)")
    monkeypatch.setattr(engines, "__path__", [*engines.__path__, str(tmp_path)])
    assert {engines.DEFAULT, "constant"} <= set(engines.names())
    translator, device = translators.build("unet_regression", {"width": 2, "levels": 2}), torch.device("cpu")
    assert engines.build("constant", translator, device) == (translator, device)  # type: ignore[comparison-overlap]


def test_an_engine_that_is_not_there_is_refused_with_the_nearest() -> None:
    translator = translators.build("unet_regression", {"width": 2, "levels": 2})
    with pytest.raises(UsageError, match="Did you mean torch") as refused:
        engines.build("troch", translator, torch.device("cpu"))
    assert refused.value.code == "E002"
