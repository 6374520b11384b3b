"""OpenVINO's own form, `model.xml` and `model.bin`: converted, read back and run in a process of its own.

A process that has loaded OpenVINO crashes when it forks others later.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from transmodal.errors import UsageError
from transmodal.exporting import packages
from transmodal.exporting.parity import Run, RunOutcome, Windows
from transmodal.exporting.window import shape_of
from transmodal.inference.engines import _graph
from transmodal.inference.model import Model
from transmodal.processes import describe_exit
from transmodal.storage import files
from transmodal.storage.arrays import npy

FILE = "model.xml"
WEIGHTS = "model.bin"
_CHILD = Path(__file__).with_name("_openvino_child.py")
_START = "import runpy, sys; sys.path[:] = sys.argv[5:]; runpy.run_path(sys.argv.pop(1), run_name='__main__')"


def check() -> None:
    """Refuse to begin without the packages that it takes.

    Raises:
        ResourceError: E404.
    """
    packages.check("onnx", "openvino")


def write(fixed: Model, folder: Path, description: Mapping[str, Any]) -> dict[str, Any]:
    """Write `model.xml` and `model.bin`, in float32, into a folder; return what the description says besides.

    Args:
        fixed: the model with a window of one shape.
        folder: that is written into.
        description: goes into the model's run-time information, as `transmodal`.

    Raises:
        UsageError: E004 where OpenVINO cannot convert the network.
    """
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        (place / "model.onnx").write_bytes(_graph.write_graph(fixed.translator, shape_of(fixed)))
        (place / "description.json").write_text(json.dumps(description), encoding="utf-8")
        _run_child("convert", place, folder)
        return files.read_json(place / "answer.json")


def open_artefact(folder: Path) -> Run:
    """Return what translates windows by the files that were written."""

    def run(batches: Sequence[Windows]) -> RunOutcome:
        with tempfile.TemporaryDirectory() as scratch:
            place = Path(scratch)
            for n, batch in enumerate(batches):
                np.save(place / f"{n}.npy", batch, allow_pickle=False)
            question = {"batches": len(batches), "threads": torch.get_num_threads()}
            (place / "question.json").write_text(json.dumps(question), encoding="utf-8")
            _run_child("run", place, folder)
            seconds = files.read_json(place / "answer.json")["seconds"]
            outputs = [npy.read_npy(place / f"out{n}.npy", mmap=False) for n in range(len(batches))]
        return RunOutcome(outputs, seconds)

    return run


def _run_child(work: str, place: Path, folder: Path) -> None:
    """Do something by OpenVINO in a process that is spawned, not forked."""
    process = subprocess.run(
        [sys.executable, "-c", _START, str(_CHILD), work, str(place), str(folder), *sys.path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    fault = place / "error.json"
    if process.returncode or fault.exists():
        kind = files.read_json(fault)["kind"] if fault.exists() else describe_exit(process.returncode)
        raise UsageError(
            "E004",
            f"a network that OpenVINO does not take ({kind})",
            "operations that it knows",
            "Export it in another form: --as onnx, or --as file.",
        )
