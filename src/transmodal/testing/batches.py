"""Translators in every way that contracts try them, and batches for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch

from transmodal import translators
from transmodal.batch import Batch
from transmodal.errors import UsageError
from transmodal.translators._base import Translator

EXTRAS: tuple[dict[str, Any], ...] = (
    {"source_channels": (1, 3), "target_channels": 3},
    {"slab_depth": 3},
    {"spatial_dims": 3},
    {"plane_channels": 3},
)
"""Channels, slabs, dimensions and planes that it is also tested with; it may refuse them by name."""


class TranslatorCase(NamedTuple):
    """A translator with settings, in one of its phases."""

    name: str
    settings: Mapping[str, Any]
    phase: str


def variants(name: str, settings: Mapping[str, Any]) -> list[TranslatorCase]:
    """Return a translator in each of its phases, and with each of `EXTRAS` that it does not refuse in its last."""
    cases = [TranslatorCase(name, settings, phase) for phase in _phases(name, settings)]
    for extra in EXTRAS:
        merged = {**settings, **extra}
        try:
            cases.append(TranslatorCase(name, merged, _phases(name, merged)[-1]))
        except UsageError as refused:
            if refused.code not in ("E001", "E004"):
                raise
    return cases


def batch_for(
    translator: Translator[Any],
    size: int = 2,
    seed: int = 0,
    phase: str | None = None,
    sides: list[int] | None = None,
) -> Batch:
    """Return a batch of uniform noise that a translator takes.

    Args:
        translator: that takes it.
        size: samples.
        seed: of the noise.
        phase: of training; the last by default.
        sides: of the windows; the least usual ones by default, of which the second differs.
    """
    config = translator.config
    generator = torch.Generator().manual_seed(seed)
    sides = sides or usual_sides(translator)
    source = torch.rand(size, config.in_channels, *sides, generator=generator) * 2 - 1
    return Batch(
        source=source,
        available=torch.ones(size, len(config.source_channels)),
        target=torch.rand(size, config.target_channels, *sides, generator=generator) * 2 - 1,
        mask=torch.ones(size, 1, *sides),
        segmentation=torch.zeros(size, *sides, dtype=torch.int64),
        draw=torch.arange(size, dtype=torch.int64) + 11,
        phase=phase or translator.phases[-1],
    )


def usual_sides(translator: Translator[Any]) -> list[int]:
    """Return sides of windows that a translator takes, and no square."""
    multiple, dims = translator.size_multiple(), translator.config.spatial_dims
    least = 32 if dims == 2 else 24  # three strided layers of a patch discriminator take no less
    side = -(-least // multiple) * multiple
    return [side, side + multiple, side][:dims]


def all_losses(translator: Translator[Any], batch: Batch, outputs: Any) -> dict[str, torch.Tensor]:  # noqa: ANN401 - the paper's own
    """Return every loss of every player, by `player/term`."""
    return {
        f"{player}/{term}": value
        for player in translator.players(batch.phase)
        for term, value in translator.losses(player, batch, outputs).items()
    }


def refusal(translator: Translator[Any], batch: Batch) -> UsageError | None:
    """Learn from a batch and translate it, or return why that is refused."""
    try:
        losses = all_losses(translator.train(), batch, translator.synthesise(batch))
        with torch.no_grad():
            out = translator.eval()(batch.source, batch.available)
    except UsageError as refused:
        return refused
    assert torch.isfinite(out).all()
    assert all(torch.isfinite(value) for value in losses.values())
    return None


def build(name: str, settings: Mapping[str, Any]) -> Translator[Any]:
    """Build a translator, with the same weights each time."""
    torch.manual_seed(3)
    return translators.build(name, settings)


def select(batch: Batch, n: int) -> Batch:
    """Return one sample of a batch, as a batch of one."""

    def sample(part: torch.Tensor | None) -> torch.Tensor | None:
        return None if part is None else part[n : n + 1]

    return batch._replace(
        source=batch.source[n : n + 1],
        available=batch.available[n : n + 1],
        target=sample(batch.target),
        mask=sample(batch.mask),
        segmentation=sample(batch.segmentation),
        features=sample(batch.features),
        draw=sample(batch.draw),
        is_pair=sample(batch.is_pair),
    )


def translate_in_batches(translator: Translator[Any], batch: Batch, size: int) -> torch.Tensor:
    """Translate a batch in smaller ones of a size."""
    starts = range(0, len(batch.source), size)
    return torch.cat(
        [
            translator(batch.source[start : start + size], batch.available[start : start + size])
            for start in starts
        ]
    )


def _phases(name: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the phases of a translator, which is built once: each test of a contract asks for them."""
    key = (name, repr(settings))
    if key not in _PHASES:
        _PHASES[key] = translators.build(name, settings).phases
    return _PHASES[key]


_PHASES: dict[tuple[str, str], tuple[str, ...]] = {}
