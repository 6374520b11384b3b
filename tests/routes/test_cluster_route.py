"""What torchrun starts is the training that `--processes` starts, to the last bit of the weights."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from transmodal import cli
from transmodal.volumes import Volume, io

RECIPE = """
name: tiny
translator: unet_regression
task: {source: [t1], target: fa}
windows: {kind: slice, axes: [z]}
settings: {width: 4, levels: 1}
training: {epochs: 1, batch: 4, samples_per_epoch: 8, device: cpu}
"""


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
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launcher = f"-m torch.distributed.run --nproc-per-node 2 --master-addr 127.0.0.1 --master-port {port}"
    weights, printed = [], []
    for name, started in {"torchrun": launcher, "spawn": ""}.items():
        line = f"{started} -m transmodal train {tmp_path}/tiny.yaml --cohort {tmp_path}/cohort"
        done = subprocess.run(
            [sys.executable, *f"{line} -o {tmp_path}/{name} --processes 2".split()],
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        weights.append((tmp_path / name / "checkpoints/last/weights.safetensors").read_bytes())
        printed.append(done.stdout.count("trained 2 steps"))
    assert weights[0] == weights[1]
    assert printed == [1, 1]
