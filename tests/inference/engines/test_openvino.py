"""What is particular to this engine; what the engines share is in test_graph."""

from __future__ import annotations

import numpy as np
import torch

from small_networks import CPU, build, windows
from transmodal.inference.engines import openvino


def test_it_says_its_version_and_works_on_as_many_threads_as_torch() -> None:
    translator, before = build(), torch.get_num_threads()
    engine = openvino.build(translator, CPU)
    torch.set_num_threads(2)
    try:
        threaded = engine.infer(*windows(translator, 2))
    finally:
        torch.set_num_threads(before)
    np.testing.assert_allclose(engine.infer(*windows(translator, 2)), threaded, atol=1e-5)
    record = engine.record()
    assert record["name"] == "openvino"
    assert record["version"][0].isdigit()
