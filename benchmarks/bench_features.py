"""MRNet's step with stored features beside the step that runs SAM again; interleaved, one JSON line.

The networks have the paper's width, SAM is its ViT-B at 1024 with random weights, on a 256 x 256 window at a batch of 1. The
stored features are read from the disk, float16, as training reads them. Run it as `python benchmarks/bench_features.py`,
or with `--smoke` for a few seconds. It fails where the two give different losses.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from turns import milliseconds, print_line, ratio_of, read_words, run_alone, take_turns

from transmodal.batch import Batch
from transmodal.recipes.training_schema import Player
from transmodal.training import optimizers
from transmodal.training.step import step, to_numbers
from transmodal.translators import mrnet

GOAL = 5.0
TOLERANCE = 1e-4
"""Losses reach 100, and sums round by where tensors lie in memory."""
NAME = "mrnet, SAM at 1024"


def main() -> int:
    smoke = read_words(__doc__).smoke
    torch.set_num_threads(1)
    settings = {"width": 4, "levels": 5, "sam_model": "tiny", "sam_size": 256} if smoke else {}
    side, rounds = (64, 2) if smoke else (256, 2)
    torch.manual_seed(0)
    translator = mrnet.build(mrnet.Config(sam="random", **settings)).train()
    players = translator.players("train")
    fabric = Fabric(accelerator="cpu", devices=1)
    learners = {name: optimizers.build(Player(), module, fused=True) for name, module in players.items()}
    source, target = torch.rand(2, 1, 1, side, side)
    computed = Batch(source, torch.ones(1, 1), target=target)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "features.npy"
        features = translator.encode(source)
        assert features is not None
        np.save(path, features.numpy().astype(np.float16))
        stored = np.load(path, mmap_mode="r")

        def read() -> Batch:
            return computed._replace(features=torch.from_numpy(np.asarray(stored, dtype=np.float32)))

        # The rates are 0, so that every step has the same weights and its losses can be compared.
        for learner in learners.values():
            learner.param_groups[0]["lr"] = 0.0

        def take(batch: Batch) -> dict[str, float]:
            (losses,), _ = to_numbers(fabric, [step(fabric, translator, learners, batch)], stop=False)
            return losses

        ours, theirs = take(read()), take(computed)
        difference = max(abs(ours[name] - theirs[name]) for name in theirs)
        seconds = take_turns({"ours": lambda: take(read()), "peer": lambda: take(computed)}, rounds)
    middle, spread = ratio_of(seconds["ours"], seconds["peer"])
    print_line(
        {
            "benchmark": "features",
            "peer": "the same step with SAM computed again",
            "smoke": smoke,
            "rounds": rounds,
            "ratio": {NAME: middle},
            "spread": {NAME: spread},
            "goal": {NAME: GOAL},
            "ours_ms": {NAME: milliseconds(seconds["ours"])},
            "notes": ["SAM's weights are random: its time does not depend on them."],
            "max_difference": difference,
        }
    )
    return 0 if difference < TOLERANCE else 1


if __name__ == "__main__":
    run_alone(main)
