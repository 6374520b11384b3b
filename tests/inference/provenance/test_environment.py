"""The environment of a translation: recorded as it is, compared part by part, and its threads set again."""

from __future__ import annotations

import platform

import pytest
import torch
from torch import nn

import transmodal
from transmodal.inference.provenance import environment
from transmodal.inference.provenance.environment import EnvironmentDifference

CPU = torch.device("cpu")


def test_precision_threads_and_versions_are_those_of_now() -> None:
    with environment.threads(3):
        record = environment.describe(nn.Linear(2, 2).bfloat16(), CPU)
    assert (record["device"], record["precision"], record["threads"]) == ("cpu", "bfloat16", 3)
    assert record["versions"]["transmodal"] == transmodal.__version__
    assert record["versions"]["torch"] == torch.__version__
    assert record["versions"]["python"] == platform.python_version()
    assert environment.describe(nn.ReLU(), CPU)["precision"] == "float32"


def test_threads_come_back_after_a_failure() -> None:
    before = torch.get_num_threads()
    with pytest.raises(KeyError), environment.threads(before + 1):
        raise KeyError
    assert torch.get_num_threads() == before


def test_what_differs_is_named_in_both_directions() -> None:
    now = environment.describe(nn.ReLU(), CPU)
    assert environment.compare(now, now) == []
    recorded = {**now, "threads": 64, "versions": {**now["versions"], "torch": "1.0"}, "card": "H100"}
    del recorded["system"]
    differences = environment.compare(recorded, now)
    assert EnvironmentDifference("threads", "64", str(now["threads"])) in differences
    assert EnvironmentDifference("card", "H100", "nothing") in differences
    assert EnvironmentDifference("system", "nothing", platform.system()) in differences
    torch_line = next(difference for difference in differences if difference.name == "versions.torch").line()
    assert torch_line == f"versions.torch: 1.0 is recorded, here it is {torch.__version__}"
    assert len(differences) == 4
