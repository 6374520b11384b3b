"""A program of torch alone, `model.pt2` by `torch.export`, which runs without this package."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from transmodal.errors import UsageError
from transmodal.exporting.parity import Run, run_by
from transmodal.exporting.window import shape_of
from transmodal.inference.engines import _graph
from transmodal.inference.model import Model
from transmodal.storage import memory

FILE = "model.pt2"
MOST_WINDOWS = 1024
"""Windows of a batch that the program takes at most."""


def check() -> None:
    """Nothing but torch is taken."""


def write(fixed: Model, folder: Path, description: Mapping[str, Any]) -> dict[str, Any]:
    """Write `model.pt2` into a folder; return what the description says besides.

    Args:
        fixed: the model with a window of one shape.
        folder: that is written into.
        description: goes into the file, as `metadata.json`.

    Raises:
        UsageError: E004 for a network whose operations depend on values.
    """
    own = {"torch": torch.__version__, "most_windows": MOST_WINDOWS}
    source = torch.zeros(2, *shape_of(fixed))
    batch = torch.export.Dim("batch", min=1, max=MOST_WINDOWS)
    function = _graph.as_function(fixed.translator)
    try:
        with (
            torch.no_grad(),
            _without_idle_parts(fixed.translator, function, source),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            program = torch.export.export(function, (source,), dynamic_shapes=({0: batch},), strict=False)
            files = {"metadata.json": json.dumps({**description, **own})}
            torch.export.save(program, folder / FILE, extra_files=files)
    except Exception as error:
        if memory.is_out_of_memory(error):
            raise
        raise UsageError(
            "E004",
            f"{fixed.recipe.translator}, which torch does not export ({type(error).__name__})",
            "a network of fixed operations",
            "Export it in another form: --as onnx, or --as file.",
        ) from error
    return own


def open_artefact(folder: Path) -> Run:
    """Return what translates windows by the program that was written."""
    program = torch.export.load(folder / FILE).module()

    def function(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():
            output: NDArray[np.float32] = program(torch.from_numpy(windows)).numpy()
        return output

    return run_by(function)


@contextmanager
def _without_idle_parts(translator: nn.Module, function: nn.Module, source: torch.Tensor) -> Iterator[None]:
    """Take the parts out that translating does not call, such as discriminators, while the block runs."""
    called = set[nn.Module]()
    hooks = [
        part.register_forward_pre_hook(lambda part, _: called.add(part)) for part in translator.modules()
    ]
    expected = function(source)
    for hook in hooks:
        hook.remove()
    children = dict(translator.named_children())
    idle = [name for name, child in children.items() if called.isdisjoint(child.modules())]
    try:
        for name in idle:
            setattr(translator, name, None)
        if not _gives(function, source, expected):  # a part whose weights are taken without a call
            _restore(translator, children)
        yield
    finally:
        _restore(translator, children)


def _gives(function: nn.Module, source: torch.Tensor, expected: torch.Tensor) -> bool:
    try:
        return torch.equal(function(source), expected)
    except (AttributeError, TypeError):
        return False


def _restore(translator: nn.Module, children: Mapping[str, nn.Module]) -> None:
    for name, child in children.items():
        setattr(translator, name, child)
