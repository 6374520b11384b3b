"""What every translator promises of its losses under bf16-mixed: finite, and those of float32 but for the networks."""

from __future__ import annotations

import copy
import importlib.util
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor

from transmodal import translators
from transmodal.batch import Batch
from transmodal.training.step import step
from transmodal.translators._base import Translator

SEEDS, STEPS = range(4), 4
TOLERANCE = 0.02
"""Relative: what an untrained network in bfloat16 adds to a term that is computed in float32."""

VERDICTS = ("adversarial", "real", "synthetic")
"""Terms that score verdicts. Where a verdict is near what is asked for, its score is small beside the error of the
discriminator that gave it, in bfloat16: these terms may be off by that much of the score of a neutral verdict, which is 1, as well."""

REASONS: dict[tuple[str, str], tuple[float, str]] = {
    ("chromagan", "generator/chroma"): (
        0.15,
        "the branch of the whole image is batch-normalised at 1 x 1 from two images, whose difference bfloat16 rounds",
    ),
}
"""Wider tolerances, with the reason, by translator and term."""


def tiny(name: str) -> dict[str, Any]:
    """Return `TINY` of a translator's own tests."""
    own = Path(__file__).parents[1] / "translators" / f"test_{name}.py"
    spec = importlib.util.spec_from_file_location(f"precision_of_{name}", own)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    settings: dict[str, Any] = module.TINY
    return settings


def plateaus(channels: int, sides: tuple[int, int], generator: torch.Generator, least: float) -> Tensor:
    """Return two images like anatomy: an empty background, regions of one value each, a little noise in them.

    Differences of squares, such as variances, are then small beside the squares.
    """
    rows, columns = (torch.linspace(-1, 1, side) for side in sides)
    head = rows[:, None] ** 2 + columns**2 < 0.8
    regions = F.interpolate(torch.rand(2, channels, 4, 4, generator=generator), size=sides)
    noise = torch.rand(2, channels, *sides, generator=generator)
    return least + (1 - least) * (0.98 * regions + 0.01 * noise) * head


def batch_for(translator: Translator[Any], phase: str, seed: int) -> Batch:
    config, generator = translator.config, torch.Generator().manual_seed(seed)
    multiple = translator.size_multiple()
    side = -(-32 // multiple) * multiple
    sides = (side, side + multiple)
    least = 0.0 if translator.output_range == "unit" else -1.0
    return Batch(
        source=plateaus(config.in_channels, sides, generator, -1.0),
        available=torch.ones(2, len(config.source_channels)),
        target=plateaus(config.target_channels, sides, generator, least),
        mask=torch.ones(2, 1, *sides),
        segmentation=torch.randint(0, 2, (2, *sides), generator=generator),
        draw=torch.arange(2) + 10 * seed,
        phase=phase,
    )


def terms_of(translator: Translator[Any], batch: Batch, *, mixed: bool) -> dict[str, float]:
    """Return every player's terms at these weights, which stay as they are, buffers included."""
    one = copy.deepcopy(translator)
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        outputs = one.synthesise(batch)
        return {
            f"{player}/{term}": value.item()
            for player in one.players(batch.phase)
            for term, value in one.losses(player, batch, outputs).items()
        }


def compare(name: str, translator: Translator[Any], batch: Batch) -> None:
    exact, mixed = (terms_of(translator, batch, mixed=one) for one in (False, True))
    assert exact.keys() == mixed.keys()
    for term, value in exact.items():
        assert math.isfinite(mixed[term]), f"{name}: {term} is {mixed[term]} in bfloat16, {value} in float32"
        tolerance, _ = REASONS.get((name, term), (TOLERANCE, ""))
        allowed = tolerance * abs(value)
        if term.split("/")[1].removeprefix("colour_").removeprefix("mr_").startswith(VERDICTS):
            allowed += tolerance
        assert abs(mixed[term] - value) <= allowed, f"{name}: {term} is {mixed[term]}, not {value}"


@pytest.mark.parametrize("name", translators.names())
def test_the_first_steps_losses_are_those_of_float32(name: str) -> None:
    settings = tiny(name)
    for seed in SEEDS:
        torch.manual_seed(seed)
        translator = translators.build(name, settings).train()
        for phase in translator.phases:
            compare(name, translator, batch_for(translator, phase, seed))


@pytest.mark.parametrize("name", translators.names())
def test_steps_of_mixed_precision_have_the_losses_of_float32(name: str) -> None:
    """At the same weights and the same batch, before each step; the steps are those of training."""
    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    torch.manual_seed(0)
    translator = translators.build(name, tiny(name)).train()
    for phase in translator.phases:
        optimizers = {
            player: torch.optim.Adam(module.parameters(), 2e-4, betas=(0.5, 0.999))
            for player, module in translator.players(phase).items()
        }
        for number in range(STEPS):
            batch = batch_for(translator, phase, 100 + number)
            compare(name, translator, batch)
            terms = step(fabric, translator, optimizers, batch)
            assert all(bool(torch.isfinite(value)) for value in terms.values()), f"{name}: {terms}"
    assert all(bool(torch.isfinite(value).all()) for value in translator.state_dict().values())


def test_every_wider_tolerance_is_of_a_term_and_has_a_reason() -> None:
    for (name, term), (tolerance, reason) in REASONS.items():
        torch.manual_seed(0)
        translator = translators.build(name, tiny(name))
        found = terms_of(translator, batch_for(translator, translator.phases[-1], 0), mixed=False)
        assert term in found
        assert tolerance > TOLERANCE
        assert reason
