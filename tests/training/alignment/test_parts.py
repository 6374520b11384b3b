"""The parts of a training: none without a setting, and a head whose weights depend on the seed alone."""

from __future__ import annotations

import torch

from transmodal.recipes.training_schema import Training
from transmodal.training.alignment.parts import AlignmentParts, build_parts
from transmodal.translators._base import TranslatorConfig


def parts_of(alignment: object, seed: int = 1) -> AlignmentParts:
    settings = Training.model_validate({"epochs": 1, "seed": seed, "alignment": alignment})
    return build_parts(settings, TranslatorConfig(), torch.device("cpu"))


def test_nothing_is_built_that_is_not_asked_for() -> None:
    assert parts_of(None) == (None, None)
    assert parts_of({"structure": {}}).registrar is None
    assert parts_of({"registration": {}}).structure is None


def test_the_head_depends_on_the_seed_and_moves_no_other_draw() -> None:
    heads = []
    for draw, seed in ((0, 1), (5, 1), (0, 2)):
        torch.manual_seed(draw)
        state = torch.random.get_rng_state()
        registrar = parts_of({"registration": {"width": 2}}, seed).registrar
        assert torch.equal(state, torch.random.get_rng_state())
        assert registrar is not None
        heads.append(registrar.head.stem.weight)
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])
