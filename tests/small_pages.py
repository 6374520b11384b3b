"""Models small enough for pages in tests, an image that they translate, and what building and reading pages needs."""

from __future__ import annotations

import os
import shutil
from typing import Any

import numpy as np
import pytest
import torch

from small_networks import GRAPHS
from transmodal import translators
from transmodal.inference.model import Model
from transmodal.inference.preprocessing import build_preprocessing
from transmodal.publishing import runtime
from transmodal.recipes.schema import Recipe
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec, fit

DEMAND = "TRANSMODAL_NEEDS_WEB"
"""Environment variable: where it is set, a missing part of the web is a failure and no reason to skip."""

AFFINE = np.array([[-2.0, 0.1, 0, 30], [0.1, 2.0, 0, -28], [0, 0, 3.0, -20], [0, 0, 0, 1]])


def model(
    name: str = "unet_regression",
    *,
    windows: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
    target: str = "fa",
    target_map: IntensitySpec = IntensitySpec("window", 0, 1),  # noqa: B008  # frozen
    sources: tuple[str, ...] = ("t1",),
    learned: tuple[int, int] | None = None,
    **settings: Any,  # noqa: ANN401
) -> Model:
    """An untrained model: slices along z, every voxel counts."""
    recipe = Recipe.model_validate(
        {
            "name": "tiny",
            "translator": name,
            "task": {"source": list(sources), "target": target},
            "data": data or {},
            "windows": windows or {"kind": "slice", "axes": ["z"]},
            "training": {"epochs": 1, "batch": 1, "players": {}},
        }
    )
    torch.manual_seed(0)
    depth = recipe.windows.depth
    shared = {"source_channels": (1,) * len(sources), **({"slab_depth": depth} if depth > 1 else {})}
    translator = translators.build(name, {**GRAPHS.get(name, {}), **shared, **settings}).eval()
    values = np.linspace(-1000, 2000, 27).reshape(3, 3, 3)
    preprocessing = build_preprocessing(recipe, translator, fit(target_map, values), learned=learned)
    return Model(translator, recipe, preprocessing, "0" * 64, {}, torch.device("cpu"))


def head(shape: tuple[int, int, int] = (28, 30, 12)) -> Volume:
    """A textured ellipsoid in air, on an oblique grid that runs from right to left."""
    axes = np.meshgrid(*[np.linspace(-1.2, 1.2, n) for n in shape], indexing="ij")
    inside = sum(x**2 for x in axes) < 1
    texture = 400 + 150 * np.sin(5 * axes[0]) * np.cos(4 * axes[1] + axes[2])
    noise = np.random.default_rng(0).uniform(0, 12, shape)
    return Volume((inside * texture + noise).astype(np.int16), AFFINE)


def need_runtime() -> None:
    """Skip, or fail where it is demanded, without ONNX Runtime Web."""
    if not runtime.is_built():
        _do_without(f"ONNX Runtime Web is not built. {runtime.REMEDY}")


def find_node() -> str:
    """Return the path of Node; without it skip, or fail where it is demanded."""
    program = shutil.which("node")
    if program is None:
        _do_without("no node: apt-get install nodejs")
    return str(program)


def _do_without(reason: str) -> None:
    if os.environ.get(DEMAND):
        pytest.fail(f"{DEMAND} is set: {reason}")
    pytest.skip(reason)
