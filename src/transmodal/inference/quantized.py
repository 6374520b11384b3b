"""A run's network in integers of eight bits: the graph beside its checkpoint, and the record of what it costs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from transmodal.errors import InputError, IntegrityError, UsageError
from transmodal.storage import files, regular, sealed

FOLDER = "int8"
GRAPH, RECORD = "graph.onnx", "quantized.json"
LARGEST_BYTES = 2**31
"""Of a graph: ONNX holds no more in one file."""
_AGAIN = "Make it again: transmodal quantize RUN --cohort COHORT --overwrite."


@dataclass(frozen=True)
class QuantizedNetwork:
    """A network whose products are of integers.

    Attributes:
        graph: ONNX.
        shape: of the windows that it takes, `(C, *S)`.
        weights_sha256: of the checkpoint's weights that it was made of.
        tolerance: largest root mean square by which a window may differ from torch's, of the output's range.
        loss: what it costs on validation subjects, JSON-able; see `quantizing.loss`.
    """

    graph: bytes
    shape: tuple[int, ...]
    weights_sha256: str
    tolerance: float
    loss: Mapping[str, Any]

    @cached_property
    def graph_sha256(self) -> str:
        """Hash of the graph, taken once: every batch of windows asks for it."""
        return hashlib.sha256(self.graph).hexdigest()


def folder_of(run: Path, checkpoint: str) -> Path:
    """Return where a run keeps the quantized network of a checkpoint, `best` or `last`."""
    return run / FOLDER / checkpoint


def read(run: Path, checkpoint: str, weights_sha256: str) -> QuantizedNetwork:
    """Read the quantized network of a run's checkpoint.

    Raises:
        UsageError: E004 where the run is one file.
        InputError: E134 where it was not quantized, E102 for a record of something else.
        IntegrityError: E501 for files that were changed, E502 where the checkpoint has other weights now.
    """
    if run.is_file():
        raise UsageError(
            "E004",
            f"engine int8 of {run.name}",
            "a run's folder",
            "Take --engine openvino, or the run's folder.",
        )
    folder = folder_of(run, checkpoint)
    if not (folder / RECORD).exists():
        raise InputError(
            "E134",
            f"{run} without a quantized network of its {checkpoint} checkpoint",
            f"{FOLDER}/{checkpoint}/{RECORD}",
            "Make it: transmodal quantize RUN --cohort COHORT.",
        )
    record = sealed.read(folder / RECORD)
    sealed.check(folder / RECORD, record, _AGAIN)
    with files.reading_errors(folder / GRAPH, "the graph of a quantized network"):
        graph = regular.read_bytes(folder / GRAPH, LARGEST_BYTES)
    network = _parse(folder, record.content, graph)
    if network.graph_sha256 != record.content["graph_sha256"]:
        raise IntegrityError("E501", f"{folder / GRAPH} was changed", "the recorded content", _AGAIN)
    if network.weights_sha256 != weights_sha256:
        raise IntegrityError(
            "E502", f"{folder} is of other weights than the {checkpoint} checkpoint", "its weights", _AGAIN
        )
    return network


def write(network: QuantizedNetwork, folder: Path, record: Mapping[str, Any]) -> None:
    """Write a quantized network, whole or not at all, with what else is to be said of it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    content = {
        **record,
        "shape": list(network.shape),
        "weights_sha256": network.weights_sha256,
        "graph_sha256": network.graph_sha256,
        "tolerance": network.tolerance,
        "loss": dict(network.loss),
    }
    with files.atomic_folder(folder) as beside:
        (beside / GRAPH).write_bytes(network.graph)
        files.write_json(beside / RECORD, sealed.seal(content))


def _parse(folder: Path, content: Mapping[str, Any], graph: bytes) -> QuantizedNetwork:
    try:
        return QuantizedNetwork(
            graph,
            tuple(int(side) for side in content["shape"]),
            str(content["weights_sha256"]),
            float(content["tolerance"]),
            dict(content["loss"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            "E102", f"{folder / RECORD} is no record of a quantized network", "shape, tolerance, loss", _AGAIN
        ) from error
