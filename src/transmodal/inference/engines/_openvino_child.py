"""The program of the process that computes a network by OpenVINO: a graph in, then windows in and synthetic windows out.

It is run by its file and imports nothing of this package, so that it starts fast. Of an error it says the type alone: its
words can be of many lines.
"""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def main(n_bytes: int, threads: int) -> None:
    """Open a graph and answer requests until they end; what libraries print goes nowhere.

    The graph comes first, and is answered by a line, `ready` or `error TYPE`. A request is a line, the sides of the windows
    with commas between, and their bytes, float32; the answer is alike, or the line `error TYPE`.

    Args:
        n_bytes: of the graph.
        threads: that the network is computed on.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks ends, and requests with it
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    try:
        run = open_graph(requests.read(n_bytes), threads)
    except Exception as error:
        answers.write(_complaint(error))
        return
    answers.write(b"ready\n")
    answers.flush()
    for line in requests:
        _answer(run, _read_windows(line, requests), answers)
        answers.flush()


def open_graph(graph: bytes, threads: int) -> Run:
    """Return a graph as a function of windows, in float32 on so many threads."""
    import openvino  # type: ignore[import-untyped]

    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        # Processors with bfloat16 would round to it by themselves.
        "INFERENCE_PRECISION_HINT": "f32",
        # Two translations at a time would be bound to the same core.
        "ENABLE_CPU_PINNING": False,
    }
    core = openvino.Core()
    network: Any = core.compile_model(core.read_model(graph, b""), "CPU", settings)

    def run(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        output: NDArray[np.float32] = np.ascontiguousarray(network([windows])[0], np.float32)
        return output

    return run


def _read_windows(line: bytes, requests: BinaryIO) -> NDArray[np.float32]:
    shape = tuple(map(int, line.split(b",")))
    return np.frombuffer(requests.read(4 * math.prod(shape)), np.float32).reshape(shape)


def _answer(run: Run, windows: NDArray[np.float32], answers: BinaryIO) -> None:
    try:
        synthetic = run(windows)
    except Exception as error:  # whatever a library raises
        answers.write(_complaint(error))
        return
    answers.write(",".join(map(str, synthetic.shape)).encode("ascii") + b"\n")
    answers.write(synthetic.data)


def _complaint(error: Exception) -> bytes:
    is_memory = isinstance(error, MemoryError) or "alloc" in str(error)
    return f"error {'MemoryError' if is_memory else type(error).__name__}\n".encode("ascii")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
