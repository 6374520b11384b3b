"""Facts about a translator that need no training: counted on the meta device, at the paper's settings."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from transmodal import translators
from transmodal.translators._base import Translator

SIDE = 256
"""Side of the slice whose operations are counted; larger where a translator takes other multiples only."""
SMALL_SIDE = 64
"""Side of the slice where parameters alone are counted."""
_SAMPLER = "sampler_steps"
"""The setting of translators that sample: in how many steps."""


@dataclass(frozen=True, slots=True)
class TranslatorFacts:
    """A translator at its paper's settings: one channel in and out, unless the paper says otherwise.

    Attributes:
        name: in recipes.
        paper: citation of its source.
        pairing: `paired` or `unpaired`.
        needs: what every case has to have.
        generator_parameters: those that the translated image depends on; of one generator where there are several.
        trainable_parameters: those of all players of all phases.
        frozen_parameters: those of networks that are used but not trained.
        gflop_per_slice: 1e9 floating-point operations per slice of 256 x 256, two for each multiply-add, frozen
            networks included.
    """

    name: str
    paper: str
    pairing: str
    needs: tuple[str, ...]
    generator_parameters: int
    trainable_parameters: int
    frozen_parameters: int
    gflop_per_slice: float

    def to_json(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {**asdict(self), "needs": list(self.needs)}


def facts(name: str) -> TranslatorFacts:
    """Count a translator's parameters and operations; no weights are made and no file is read.

    Raises:
        UsageError: E002 for an unknown name.
    """
    translator, operations = _counted(name)
    generator = _reached(translator)
    owned = {
        id(parameter): parameter.numel()
        for phase in translator.phases
        for player in translator.players(phase).values()
        for parameter in player.parameters()
        if parameter.requires_grad
    }
    return TranslatorFacts(
        name,
        citation(name),
        translator.pairing,
        tuple(sorted(translator.needs)),
        generator,
        sum(owned.values()),
        sum(frozen.count() for frozen in translator.frozen().values()),
        round(operations / 1e9, 3),
    )


def generator_parameters(name: str, settings: Mapping[str, Any]) -> int:
    """Count the parameters that the translated image depends on; no weights are made and no file is read.

    Args:
        name: of the translator.
        settings: all of its `Config`, such as a checkpoint keeps.

    Raises:
        UsageError: as `translators.build`.
    """
    with torch.device("meta"):
        translator = translators.build(name, {**settings, **({_SAMPLER: 1} if _SAMPLER in settings else {})})
        # Instance normalisation takes no map of one pixel, which one multiple may end in.
        _translated(translator, max(SMALL_SIDE, 2 * translator.size_multiple()))
    return _reached(translator)


def citation(name: str) -> str:
    """Return the source that a translator's file names in its first paragraph."""
    text = inspect.getdoc(importlib.import_module(f"transmodal.translators.{name}")) or ""
    first = " ".join(text.split("\n\n")[0].split())
    return first.partition(": ")[2].rstrip(".")


def _counted(name: str) -> tuple[Translator[Any], int]:
    """Build a translator and count what translating a slice takes.

    A sampler calls one network in every step, so that two of its steps are counted for all of them.
    """
    steps = getattr(translators.checked(name, {}), _SAMPLER, None)
    with torch.device("meta"):
        if steps is None:
            translator = translators.build(name, {})
            return translator, _translated(translator, SIDE)
        translator = translators.build(name, {_SAMPLER: 1})
        once = _translated(translator, SIDE)
        twice = _translated(translators.build(name, {_SAMPLER: 2}), SIDE)
    return translator, once + (steps - 1) * (twice - once)


def _reached(translator: Translator[Any]) -> int:
    return sum(parameter.numel() for parameter in translator.parameters() if parameter.grad is not None)


def _translated(translator: Translator[Any], least: int) -> int:
    """Translate one slice or patch of nothing, so that what it depends on has a gradient; return its operations."""
    config, multiple = translator.config, translator.size_multiple()
    side = multiple * -(-least // multiple)
    source = torch.zeros(1, config.in_channels, *(side,) * config.spatial_dims, device="meta")
    available = torch.ones(1, len(config.source_channels), device="meta")
    noise = torch.zeros(1, dtype=torch.int64, device="cpu") if translator.draws else None
    with FlopCounterMode(display=False) as counter:
        synthetic = translator(source, available, noise=noise)
    synthetic.sum().backward()
    return int(counter.get_total_flops())
