"""Devices by their names."""

from __future__ import annotations

import pytest
import torch

from transmodal.errors import ResourceError, UsageError
from transmodal.inference.device import device_of


def test_names_become_devices() -> None:
    assert device_of("cpu") == torch.device("cpu")
    assert device_of(None) == device_of("auto")
    assert device_of(None).type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_a_device_that_is_not_there_is_told_from_a_name_that_is_none() -> None:
    with pytest.raises(ResourceError, match="CUDA device") as missing:
        device_of("cuda:99")
    assert missing.value.code == "E404"
    assert "Use cpu" in missing.value.remedy
    with pytest.raises(UsageError, match="Did you mean cuda") as unknown:
        device_of("cudaa")
    assert unknown.value.code == "E001"
