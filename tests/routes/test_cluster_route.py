"""What torchrun starts on two nodes is the training that `--processes` starts, to the last bit of the weights."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from subject_files import tiny_recipe
from transmodal import cli
from transmodal.volumes import Volume, io

RECIPE = tiny_recipe(data="{}", settings="{width: 4, levels: 1}")


@pytest.mark.slow
def test_torchrun_trains_to_the_same_weights(tmp_path: Path) -> None:
    for n in range(2):
        case = tmp_path / "subjects" / f"case-{n}"
        case.mkdir(parents=True)
        t1 = 100 + np.random.default_rng(n).random((8, 8, 6))
        for name, voxels in {"t1": t1, "fa": t1 / 400}.items():
            io.write(
                Volume(voxels.astype(np.float32), np.diag([4.0, 4.0, 4.0, 1.0])), case / f"{name}.nii.gz"
            )
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    prepare = f"prepare folders {tmp_path}/subjects -o {tmp_path}/cohort --split 1:1:0 --workers 1"
    assert cli.run(prepare.split()) == 0
    torchrun = f"-m torch.distributed.run --master-addr 127.0.0.1 --master-port {_free_port()} --nnodes 2"
    nodes = [f"{torchrun} --nproc-per-node 1 --node-rank {rank}" for rank in range(2)]
    starts = {"nodes": (nodes, 1), "spawn": ([""], 2)}
    weights = {}
    for name, (launchers, n_processes) in starts.items():
        line = f"-m transmodal train {tmp_path}/tiny.yaml --cohort {tmp_path}/cohort"
        words = f"{line} -o {tmp_path}/{name} --processes {n_processes}"
        assert _train([f"{started} {words}" for started in launchers]).count("trained 2 steps") == 1
        weights[name] = (tmp_path / name / "checkpoints/last/weights.safetensors").read_bytes()
    assert weights["nodes"] == weights["spawn"]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def _train(lines: Sequence[str]) -> str:
    """Start one launcher per node of this machine, and return what all of them print."""
    nodes = [
        subprocess.Popen(
            [sys.executable, *line.split()],
            env=os.environ | {"OMP_NUM_THREADS": "1"},  # sums of more threads round in another order
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for line in lines
    ]
    try:
        answers = [node.communicate(timeout=300) for node in nodes]
    finally:
        for node in nodes:
            node.kill()
    for node, (_, errors) in zip(nodes, answers, strict=True):
        assert node.returncode == 0, errors
    return "".join(printed for printed, _ in answers)
