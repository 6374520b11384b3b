from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from transmodal.checkpoint import MANIFEST, Checkpoint, CohortMark, State, manifest
from transmodal.recipes.load import validate
from transmodal.storage import files
from transmodal.volumes.intensity import IntensitySpec, fit

RECIPE = {
    "name": "tiny",
    "translator": "unet_regression",
    "task": {"source": ["t1"], "target": "fa"},
    "settings": {"width": 2, "levels": 2},
    "training": {"epochs": 2, "batch": 4, "device": "cpu"},
}


@pytest.fixture
def whole() -> Checkpoint:
    draw = torch.Generator().manual_seed(3)
    spec = IntensitySpec("percentile", 0.5, 99.5)
    return Checkpoint(
        recipe=validate(RECIPE, "tiny"),
        translator_config={"width": 2, "source_channels": [1]},
        target_map=fit(spec, np.linspace(0.1, 0.9, 50).reshape(5, 5, 2)),
        sources={"t1": spec},
        cohort=CohortMark("heads", "ab12"),
        state=State(phase="train", epoch=3, epoch_step=2, step=17, best=0.1 + 0.2, sums={"l1": (0.1, 3)}),
        weights={
            "a.weight": torch.rand(3, 2, generator=draw).T,  # not contiguous
            "a.steps": torch.tensor(5),
            "b.half": torch.rand(4, generator=draw).to(torch.bfloat16),
        },
        optimizers={"g/a.weight/exp_avg": torch.rand(2, 3, generator=draw)},
        frozen={"sam": "cd34"},
        window=(16, 24),
        versions={"torch": "2"},
    )


@pytest.fixture
def reseal() -> Callable[[Path, Callable[[dict[str, object]], None]], None]:
    """Change a manifest and seal it anew, as somebody would who knows the format."""

    def change_and_seal(folder: Path, change: Callable[[dict[str, object]], None]) -> None:
        content = files.read_json(folder / MANIFEST)["content"]
        change(content)
        (folder / MANIFEST).write_bytes(manifest.seal(content))

    return change_and_seal
