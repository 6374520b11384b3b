"""The program of the process that converts graphs for OpenVINO and runs what it wrote.

It is run by its file and imports nothing of this package. An error is said by its type alone: its words can be of many
lines.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def main(work: str, scratch: Path, folder: Path) -> None:
    """Convert a graph, or run windows; `answer.json` or `error.json` in the scratch folder says how it went.

    Args:
        work: `convert` or `run`.
        scratch: folder with what is handed over.
        folder: of `model.xml` and `model.bin`.
    """
    try:
        answer = convert(scratch, folder) if work == "convert" else run(scratch, folder)
    except Exception as error:  # whatever a library raises
        (scratch / "error.json").write_text(json.dumps({"kind": type(error).__name__}), encoding="utf-8")
        return
    (scratch / "answer.json").write_text(json.dumps(answer), encoding="utf-8")


def convert(scratch: Path, folder: Path) -> dict[str, Any]:
    """Write a graph in OpenVINO's own form, in float32, with its description inside."""
    import openvino  # type: ignore[import-untyped]

    network = openvino.Core().read_model(scratch / "model.onnx")
    network.set_rt_info((scratch / "description.json").read_bytes().decode("utf-8"), ["transmodal"])
    openvino.save_model(network, folder / "model.xml", compress_to_fp16=False)
    return {"openvino": openvino.__version__.split("-")[0]}


def run(scratch: Path, folder: Path) -> dict[str, Any]:
    """Translate batches of windows by the files that were written; return the seconds of each."""
    import openvino

    question = json.loads((scratch / "question.json").read_bytes())
    core = openvino.Core()
    settings = {
        "INFERENCE_NUM_THREADS": question["threads"],
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32",
        "ENABLE_CPU_PINNING": False,
    }
    network: Any = core.compile_model(core.read_model(folder / "model.xml"), "CPU", settings)
    network([np.load(scratch / "0.npy", allow_pickle=False)])
    seconds = []
    for n in range(question["batches"]):
        batch = np.load(scratch / f"{n}.npy", allow_pickle=False)
        start = time.perf_counter()
        output = np.array(network([batch])[0], np.float32)
        seconds.append(time.perf_counter() - start)
        np.save(scratch / f"out{n}.npy", output, allow_pickle=False)
    return {"seconds": seconds}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
