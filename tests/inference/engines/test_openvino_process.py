"""The process that OpenVINO works in: it keeps the library out of this one, its end is named, and it ends with this one."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from small_networks import CPU, build, windows
from transmodal.inference import engines
from transmodal.inference.engines import _graph, _openvino_process
from transmodal.inference.engines._base import EngineError, SupportsRecord
from transmodal.inference.engines._openvino_process import GraphError, GraphProcess

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@pytest.fixture(scope="module")
def graph() -> bytes:
    return _graph.write_graph(build(), (1, 32, 32))


def lives(process: int) -> bool:
    """Tell whether a process runs; one that is dead and not yet asked for does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except OSError:
        return False
    return state != b"Z"


def wait_for_end(process: int) -> bool:
    for _ in range(2400):
        if not lives(process):
            return True
        time.sleep(0.05)
    return False


@linux
def test_the_library_stays_out_of_this_process(graph: bytes) -> None:
    script = (
        "import sys; from pathlib import Path; import numpy as np;"
        "from transmodal.inference.engines._openvino_process import GraphProcess;"
        "GraphProcess(sys.stdin.buffer.read(), 1)(np.zeros((1, 1, 32, 32), np.float32));"
        "print('openvino' in Path('/proc/self/maps').read_text(), 'openvino' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], input=graph, capture_output=True, check=False)
    assert done.stdout.split() == [b"False"] * 3, done.stderr


def test_a_process_that_died_is_named_and_the_next_windows_open_another() -> None:
    translator = build()
    engine, batch = engines.build("openvino", translator, CPU), windows(translator, 2)
    expected = engine.infer(*batch)
    (session,) = _graph._SESSIONS[translator].values()
    assert isinstance(session, GraphProcess)
    os.kill(session.id, signal.SIGKILL)
    with pytest.raises(EngineError, match=r"its process died of SIGKILL.*--engine torch") as refused:
        engine.infer(*batch)
    assert refused.value.code == "E004"
    np.testing.assert_array_equal(engine.infer(*batch), expected)


def test_auto_goes_on_without_a_process_that_died() -> None:
    translator = build()
    engine, batch = engines.build("auto", translator, CPU), windows(translator, 2)
    expected = engine.infer(*batch)
    (session,) = _graph._SESSIONS[translator].values()
    assert isinstance(session, GraphProcess)
    os.kill(session.id, signal.SIGKILL)
    np.testing.assert_allclose(engine.infer(*batch), expected, rtol=0, atol=2e-5)
    assert isinstance(engine, SupportsRecord)
    assert "its process died of SIGKILL" in engine.record()["fallback"]


def test_a_graph_that_cannot_be_opened_or_run_is_named_in_a_word(graph: bytes) -> None:
    with pytest.raises(GraphError, match=r"^\w+Error in its process$"):
        GraphProcess(b"no graph", 1)
    process = GraphProcess(graph, 1)
    with pytest.raises(GraphError, match=r"^\w+Error in its process$"):
        process(np.zeros((1, 3, 32, 32), np.float32))
    assert process(np.zeros((2, 1, 32, 32), np.float32)).shape == (2, 1, 32, 32)


def test_memory_that_runs_out_there_is_memory_that_runs_out_here() -> None:
    assert isinstance(_openvino_process._error("error MemoryError\n"), MemoryError)


@linux
def test_it_ends_with_its_object_but_not_with_a_copy_of_its_owner(graph: bytes) -> None:
    process = GraphProcess(graph, 1)
    number = process.id
    _openvino_process._end(process._pipes.process, os.getpid() + 1)
    assert lives(number)
    del process
    gc.collect()
    assert not lives(number)


@linux
def test_it_ends_with_a_process_that_is_killed(graph: bytes) -> None:
    script = (
        "import os, sys; from transmodal.inference.engines._openvino_process import GraphProcess;"
        "process = GraphProcess(sys.stdin.buffer.read(), 1);"
        "print(process.id, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script], input=graph, stdout=subprocess.PIPE, check=False)
    assert done.returncode == -signal.SIGKILL
    assert wait_for_end(int(done.stdout))


@linux
def test_an_answer_that_nobody_waits_for_ends_it(graph: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    process = GraphProcess(graph, 1)

    def interrupt(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(_openvino_process, "_read_array", interrupt)
    with pytest.raises(KeyboardInterrupt):
        process(np.zeros((1, 1, 32, 32), np.float32))
    assert not lives(process.id)
    with pytest.raises(GraphError, match="its process"):
        process(np.zeros((1, 1, 32, 32), np.float32))
