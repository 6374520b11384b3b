"""Programs of torch alone: with what translating calls, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import small_networks
from transmodal.errors import UsageError
from transmodal.exporting import program as form
from transmodal.inference.engines import _graph
from transmodal.inference.model import Model


def test_discriminators_stay_behind_and_the_network_stays_as_it_was(
    small: Callable[..., Model], tmp_path: Path
) -> None:
    form.check()
    translator = small_networks.build("pix2pix")
    names = [name for name, _ in translator.named_parameters()]
    source, available, _ = small_networks.windows(translator, 3)
    model = small()
    cutting = replace(model.preprocessing.cutting, size=source.shape[2:])
    fixed = replace(model, translator=translator, preprocessing=replace(model.preprocessing, cutting=cutting))
    form.write(fixed, tmp_path, {"form": "torch"})
    assert [name for name, _ in translator.named_parameters()] == names
    loaded = torch.export.load(tmp_path / form.FILE, extra_files={"metadata.json": ""})
    assert not [name for name in loaded.state_dict if "discriminator" in name]
    assert [name for name in names if "discriminator" in name]
    outcome = form.open_artefact(tmp_path)([source, source[:1]])
    with torch.no_grad():
        expected = translator(torch.from_numpy(source), torch.from_numpy(available)).numpy()
    np.testing.assert_allclose(outcome.outputs[0], expected, atol=1e-5)
    assert outcome.outputs[1].shape == expected[:1].shape


def test_parts_whose_weights_are_taken_without_a_call_stay(small: Callable[..., Model]) -> None:
    class Scaled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.called, self.read, self.idle = (
                torch.nn.Conv2d(1, 1, 1),
                torch.nn.Linear(1, 1),
                torch.nn.Linear(9, 9),
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.called(x) * self.read.weight

    network = Scaled()
    with torch.no_grad(), form._without_idle_parts(network, network, torch.ones(1, 1, 2, 2)):
        assert isinstance(network.read, torch.nn.Linear)
    del network.read
    network.register_buffer("read", None)


def test_operations_that_depend_on_values_are_refused(small: Callable[..., Model], tmp_path: Path) -> None:
    model = small()
    translator = small_networks.build("resvit")
    side = small_networks.windows(translator, 1)[0].shape[2:]
    cutting = replace(model.preprocessing.cutting, size=side)
    fixed = replace(model, translator=translator, preprocessing=replace(model.preprocessing, cutting=cutting))
    with pytest.raises(UsageError, match=r"does not export.*--as onnx") as refused:
        form.write(fixed, tmp_path, {})
    assert refused.value.code == "E004"
    assert _graph.obstacle(translator, torch.device("cpu")) == ""
