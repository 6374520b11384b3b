"""The structure term: a synthetic image has the self-similarity of the sources, wherever the target lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from transmodal.batch import Batch
from transmodal.errors import UsageError
from transmodal.losses.neighbourhood import structure_distance
from transmodal.recipes.alignment_schema import StructureSettings
from transmodal.translators._base import Translator, TranslatorConfig

TERM = "structure"
"""Name of the term among a player's."""


class StructureTerm:
    """A term for the players that made the image, beside their own; which they are, the graph of the image tells."""

    def __init__(self, settings: StructureSettings) -> None:
        self._settings = settings
        self._makers: dict[tuple[str, str], bool] = {}

    def terms(
        self, translator: Translator[Any], player: str, batch: Batch, outputs: tuple[Any, ...]
    ) -> dict[str, Tensor]:
        """Return the weighted term of a player; nothing where it made no image, as in phases that translate nothing.

        Args:
            translator: whose outputs they are.
            player: that is about to learn.
            batch: with the sources.
            outputs: of `synthesise`.

        Raises:
            UsageError: E004 for outputs without an image.
        """
        if batch.phase in translator.preparatory:
            return {}
        synthetic = translator.image(outputs)
        if synthetic is None:
            raise refusal(type(translator).__name__)
        if not self._has_made(translator, player, batch.phase, synthetic):
            return {}
        sources = sources_of(batch.source, translator.config)
        distance = structure_distance(synthetic, sources, batch.available, self._settings.radius)
        return {TERM: self._settings.weight * distance}

    def _has_made(self, translator: Translator[Any], player: str, phase: str, synthetic: Tensor) -> bool:
        """Return whether the image depends on a player's parameters; looked at once in a phase."""
        if (phase, player) not in self._makers:
            module = translator.players(phase)[player]
            parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
            gradients = torch.autograd.grad(synthetic.sum(), parameters, retain_graph=True, allow_unused=True)
            self._makers[phase, player] = any(gradient is not None for gradient in gradients)
        return self._makers[phase, player]


def sources_of(source: Tensor, config: TranslatorConfig) -> Sequence[Tensor]:
    """Return each modality's channels, `(B, C, *S)`; of a slab those of the middle slice.

    Args:
        source: `(B, C, *S)` of all modalities, modality-major.
        config: of the translator, which says how many channels each has.
    """
    depth = config.slab_depth
    parts = torch.split(source, [channels * depth for channels in config.source_channels], dim=1)
    return [part.reshape(len(part), -1, depth, *part.shape[2:])[:, :, depth // 2] for part in parts]


def refusal(translator: str) -> UsageError:
    """Return the error for a translator whose losses see no image."""
    return UsageError(
        "E004",
        f"training.alignment.structure for {translator}, which learns from other things than its image",
        "a translator that makes the image while it learns",
        "Set training.alignment.structure=null, or choose another translator.",
    )
