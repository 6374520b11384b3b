"""The parts of a training that cope with pairs that do not lie upon one another, as a recipe asks for them."""

from __future__ import annotations

from typing import NamedTuple

import torch

from transmodal.data.loader import seed_of
from transmodal.recipes.alignment_schema import REGISTRATION
from transmodal.recipes.training_schema import Training
from transmodal.training.alignment.registrar import Registrar
from transmodal.training.alignment.structure import StructureTerm
from transmodal.translators._base import TranslatorConfig


class AlignmentParts(NamedTuple):
    """The parts of one training; None for those that it does without."""

    registrar: Registrar | None = None
    structure: StructureTerm | None = None


def build_parts(settings: Training, config: TranslatorConfig, device: torch.device) -> AlignmentParts:
    """Build the parts; the registration head draws from a seed of its own, so that no other weight depends on it.

    Args:
        settings: of the training.
        config: of the translator.
        device: that the head learns on.
    """
    alignment = settings.alignment
    if alignment is None:
        return AlignmentParts()
    registrar = None
    if alignment.registration is not None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(settings.seed, "weights", REGISTRATION))
            registrar = Registrar(alignment.registration, config, device)
    return AlignmentParts(
        registrar, None if alignment.structure is None else StructureTerm(alignment.structure)
    )
