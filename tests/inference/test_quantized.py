"""A quantized network is read as it was written, and refused where it is not that of the checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from transmodal.errors import TransmodalError
from transmodal.inference import quantized
from transmodal.inference.quantized import QuantizedNetwork
from transmodal.storage import files, sealed

NETWORK = QuantizedNetwork(b"graph", (1, 8, 8), "ab" * 32, 0.25, {"psnr_db": 0.01})


def refusal(run: Path, weights_sha256: str = NETWORK.weights_sha256) -> str:
    with pytest.raises(TransmodalError) as refused:
        quantized.read(run, "best", weights_sha256)
    assert "transmodal quantize" in str(refused.value)
    return refused.value.code


def test_what_was_written_is_read(tmp_path: Path) -> None:
    folder = quantized.folder_of(tmp_path, "best")
    quantized.write(NETWORK, folder, {"kept_float": "none"})
    assert quantized.read(tmp_path, "best", NETWORK.weights_sha256) == NETWORK
    other = replace(NETWORK, graph=b"other")
    quantized.write(other, folder, {"kept_float": "none"})
    assert quantized.read(tmp_path, "best", NETWORK.weights_sha256) == other
    assert sorted(path.name for path in folder.parent.iterdir()) == ["best"]


def test_what_is_not_the_checkpoints_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "E134"
    folder = quantized.folder_of(tmp_path, "best")
    quantized.write(NETWORK, folder, {})
    assert refusal(tmp_path, "cd" * 32) == "E502"
    (folder / quantized.GRAPH).write_bytes(b"grape")
    assert refusal(tmp_path) == "E501"
    record = files.read_json(folder / quantized.RECORD)
    files.write_json(folder / quantized.RECORD, record | {"tolerance": 9})
    assert refusal(tmp_path) == "E501"
    files.write_json(folder / quantized.RECORD, sealed.seal({"shape": 3}))
    assert refusal(tmp_path) == "E102"
