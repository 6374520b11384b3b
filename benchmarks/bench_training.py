"""A training step of pix2pix: ours beside a plain loop over the same networks and losses; interleaved, one JSON line.

The networks have the paper's width, 256 x 256 windows, a batch of 1 and of 4. The plain loop is written as such loops
are: torch's Adam as it comes, dropout from torch's generator, the discriminator's gradients switched off for the generator's
step, the losses read after every step. Without dropout both give the same losses, which is checked first. Run it as
`python benchmarks/bench_training.py`, or with `--smoke` for a few seconds. It fails where the losses differ.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor, nn
from turns import milliseconds, print_line, ratio_of, read_words, run_alone

from transmodal.batch import Batch
from transmodal.recipes.training_schema import Player
from transmodal.training import optimizers
from transmodal.training.step import step, to_numbers
from transmodal.translators import pix2pix

GOAL = 1.0
TOLERANCE = 1e-3
GFLOP = 86.0
"""Of one step at a batch of 1, counted by hand: twelve passes, of which a backward pass is two, without Adam's."""
Step = Callable[[], dict[str, float]]


def main() -> int:
    smoke = read_words(__doc__).smoke
    torch.set_num_threads(1)
    width, side, rounds = (4, 64, 2) if smoke else (64, 256, 7)
    config = pix2pix.Config(width=width, levels=int(math.log2(side)))
    difference = compare(config.model_copy(update={"dropout": 0.0}), side)
    times = {
        f"pix2pix, batch {size}": interleave(
            {"ours": ours(config, size, side), "plain": plain(config, size, side)}, rounds
        )
        for size in (1, 4)
    }
    ratios = {name: ratio_of(sides["ours"], sides["plain"]) for name, sides in times.items()}
    print_line(
        {
            "benchmark": "training",
            "peer": f"plain loop, torch {torch.__version__}",
            "smoke": smoke,
            "rounds": rounds,
            "ratio": {name: middle for name, (middle, _) in ratios.items()},
            "spread": {name: spread for name, (_, spread) in ratios.items()},
            "goal": dict.fromkeys(times, GOAL),
            "ours_ms": {name: milliseconds(sides["ours"]) for name, sides in times.items()},
            "limits": {}
            if smoke
            else {
                name: {"gflop": GFLOP * size, "dtype": "float32"}
                for name, size in zip(times, (1, 4), strict=True)
            },
            "reasons": dict.fromkeys(
                times,
                "convolutions, which are the same on both sides and near what the processor can do, are over nine tenths of a "
                "step at a batch of 4: fused Adam saves a twentieth there, and the loop adds nothing else that is seen; other "
                "orders of summing, such as one pass of the discriminator for both images, would be other bits",
            ),
            "notes": [
                "The plain loop is torch's Adam as it comes and torch's dropout; ours is the loop of `train`, with fused Adam.",
            ],
            "max_difference": difference,
        }
    )
    return 0 if difference < TOLERANCE else 1


def compare(config: pix2pix.Config, side: int) -> float:
    """Return the largest relative difference between the losses of two steps; Adam's first follow the signs of gradients."""
    loop, script = ours(config, 2, side), plain(config, 2, side)
    pairs = [(loop(), script()) for _ in range(2)]
    return max(abs(a[name] - b[name]) / abs(b[name]) for a, b in pairs for name in b)


def ours(config: pix2pix.Config, size: int, side: int) -> Step:
    """Return a step as the training loop takes it."""
    fabric = Fabric(accelerator="cpu", devices=1)
    translator = build(config)
    players = translator.players("train")
    optimised = {name: optimizers.build(Player(), module, fused=True) for name, module in players.items()}
    source, target = images(size, side)
    batch = Batch(source, torch.ones(size, 1), target=target, draw=torch.arange(size))

    def take() -> dict[str, float]:
        terms = step(fabric, translator, optimised, batch)
        (losses,), _ = to_numbers(fabric, [terms], stop=False)
        return losses

    return take


def plain(config: pix2pix.Config, size: int, side: int) -> Step:
    """Return a step of a loop without any of this package's but its networks."""
    translator = build(config)
    generator, discriminator = translator.generator, translator.discriminator
    assert discriminator is not None
    for number in (1, 2, 3):  # dropout is drawn by torch, in the three stages behind the innermost
        generator.up[number].register_forward_hook(lambda part, args, x: F.dropout(x, config.dropout))
    of_generator = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    of_discriminator = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    source, target = images(size, side)

    def take() -> dict[str, float]:
        synthetic = generator(source)
        switch(discriminator, True)
        of_discriminator.zero_grad()
        real = 0.5 * distance(discriminator(torch.cat([source, target], 1)), 1.0)
        fake = 0.5 * distance(discriminator(torch.cat([source, synthetic.detach()], 1)), 0.0)
        (real + fake).backward()
        of_discriminator.step()

        switch(discriminator, False)
        of_generator.zero_grad()
        adversarial = distance(discriminator(torch.cat([source, synthetic], 1)), 1.0)
        l1 = 100.0 * F.l1_loss(synthetic, target)
        (adversarial + l1).backward()
        of_generator.step()
        return {
            "discriminator/real": real.item(),
            "discriminator/synthetic": fake.item(),
            "generator/adversarial": adversarial.item(),
            "generator/l1": l1.item(),
        }

    return take


def build(config: pix2pix.Config) -> pix2pix.Pix2Pix:
    torch.manual_seed(0)
    return pix2pix.build(config).train()


def images(size: int, side: int) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(1)
    source, target = torch.rand(2, size, 1, side, side, generator=draw) * 2 - 1
    return source, target


def switch(network: nn.Module, learns: bool) -> None:
    for parameter in network.parameters():
        parameter.requires_grad_(learns)


def distance(verdicts: Tensor, goal: float) -> Tensor:
    return F.mse_loss(verdicts, torch.full_like(verdicts, goal))


def interleave(sides: dict[str, Step], rounds: int) -> dict[str, list[float]]:
    """Take turns; return the seconds of the processor that each round took.

    A second step follows the first at once, and only it counts.
    """
    times: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, take in sides.items():
            take()
            start = time.process_time()
            take()
            seconds = time.process_time() - start
            if number:
                times[name].append(seconds)
    return times


if __name__ == "__main__":
    run_alone(main)
