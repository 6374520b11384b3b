"""Artefacts: folders that are whole or not there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import small_networks
from transmodal.errors import UsageError
from transmodal.exporting import artefact, phantom
from transmodal.inference.model import Model
from transmodal.storage import files


def test_a_folder_holds_the_graph_its_description_and_its_parity(
    small: Callable[..., Model], tmp_path: Path
) -> None:
    artefact.write_artefact(small(), "onnx", tmp_path / "graph", card="# Card\n")
    names = sorted(path.name for path in (tmp_path / "graph").iterdir())
    assert names == ["MODEL_CARD.md", "README.md", "metadata.json", "model.onnx", "parity.json"]
    report = files.read_json(tmp_path / "graph" / "parity.json")
    assert report["files"] == {"model.onnx": files.sha256_file(tmp_path / "graph" / "model.onnx")}
    assert report["test_volume"] == {"words": phantom.WORDS, "is_phantom": True}
    assert report["windows"]["largest_difference"] < 1e-5
    description = files.read_json(tmp_path / "graph" / "metadata.json")
    assert description["input"]["shape"] == ["batch", 1, 16, 16]
    assert description["opset"] == 18
    text = (tmp_path / "graph" / "README.md").read_text()
    for part in (
        "Not a medical device",
        "synthetic phantom",
        "onnxruntime.InferenceSession",
        "FA",
        "1 thread of",
    ):
        assert part in text
    assert "NaN" not in json.dumps(report)


def test_a_volume_that_is_named_is_said_to_be_one(small: Callable[..., Model], tmp_path: Path) -> None:
    model = small()
    volume = phantom.build(model.preprocessing, (20, 20))
    artefact.write_artefact(model, "onnx", tmp_path / "graph", card="", window=(24, 20), volume=volume)
    report = files.read_json(tmp_path / "graph" / "parity.json")
    assert report["test_volume"]["is_phantom"] is False
    assert report["windows"]["shape"] == [1, 24, 20]


@pytest.mark.parametrize("form", artefact.FORMS)
def test_a_network_of_no_fixed_operations_leaves_nothing_behind(
    small: Callable[..., Model], tmp_path: Path, form: str
) -> None:
    model = replace(small(), translator=small_networks.build("aldm", width=8))
    with pytest.raises(UsageError, match=r"draws noise.*--as file") as refused:
        artefact.write_artefact(model, form, tmp_path / "graph", card="")
    assert refused.value.code == "E004"
    assert not list(tmp_path.iterdir())
