"""OpenVINO's own form, in a process of its own: nothing of it is loaded here."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from transmodal.errors import UsageError
from transmodal.exporting import openvino as form
from transmodal.inference.model import Model


def test_it_is_converted_and_run_elsewhere(small: Callable[..., Model], tmp_path: Path) -> None:
    form.check()
    model = small()
    own = form.write(model, tmp_path, {"form": "openvino", "unit": "FA"})
    assert list(own) == ["openvino"]
    assert (tmp_path / form.WEIGHTS).stat().st_size > 1000
    text = (tmp_path / form.FILE).read_text()
    assert json.dumps({"form": "openvino", "unit": "FA"}).replace('"', "&quot;") in text
    windows = np.random.default_rng(0).uniform(-1, 1, (3, 1, 16, 16)).astype(np.float32)
    outcome = form.open_artefact(tmp_path)([windows, windows[:1]])
    with torch.no_grad():
        expected = model.translator(torch.from_numpy(windows), torch.ones(3, 1)).numpy()
    np.testing.assert_allclose(outcome.outputs[0], expected, atol=1e-4)
    assert len(outcome.seconds) == 2
    assert "openvino" not in sys.modules


def test_a_file_that_it_does_not_take_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / form.FILE).write_text("<net>\nno network")
    (tmp_path / form.WEIGHTS).write_bytes(b"")
    with pytest.raises(UsageError, match=r"does not take \(RuntimeError\)") as refused:
        form.open_artefact(tmp_path)([np.zeros((1, 1, 16, 16), np.float32)])
    assert refused.value.code == "E004"
    assert "\n" not in refused.value.line()
