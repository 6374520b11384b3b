"""Every translator that learns from pairs trains with the options that cope with misalignment, and none has to know."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from torch.optim import Adam

from transmodal import translators
from transmodal.recipes.training_schema import Training
from transmodal.testing.batches import batch_for, build
from transmodal.training.alignment.parts import build_parts
from transmodal.training.step import step

HEAD = {"width": 2, "levels": 2}


def tiny(name: str) -> dict[str, Any]:
    """Return `TINY` of a translator's own tests."""
    own = Path(__file__).parents[1] / "translators" / f"test_{name}.py"
    spec = importlib.util.spec_from_file_location(f"alignment_of_{name}", own)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    settings: dict[str, Any] = module.TINY
    return settings


@pytest.mark.parametrize("name", translators.own_names())
def test_a_paired_translator_takes_two_steps_with_alignment(name: str) -> None:
    translator = build(name, tiny(name)).train()
    if translator.pairing == "unpaired":
        pytest.skip("learns without pairs; a recipe that asks for it is refused")
    alignment: dict[str, object] = {"registration": HEAD}
    if translator.trains_on_image:
        alignment["structure"] = {}
    settings = Training.model_validate({"epochs": 1, "alignment": alignment})
    fabric = Fabric(accelerator="cpu", devices=1)
    registrar, structure = build_parts(settings, translator.config, fabric.device)
    assert registrar is not None
    names, has_structure = set(translator.state_dict()), set()
    for phase in translator.phases:
        translator.begin(phase)
        optimizers = {
            player: Adam(module.parameters(), 1e-3) for player, module in translator.players(phase).items()
        }
        head = Adam(registrar.head.parameters(), 1e-2)
        before = {key: value.clone() for key, value in registrar.head.state_dict().items()}
        for number in range(2):
            batch, terms = registrar.align(
                fabric, translator, head, batch_for(translator, seed=number, phase=phase)
            )
            terms |= step(fabric, translator, optimizers, batch, further=structure)
            assert all(bool(torch.isfinite(value)) for value in terms.values())
            has_structure |= {term for term in terms if term.endswith("/structure")}
        moved = any(not value.equal(before[key]) for key, value in registrar.head.state_dict().items())
        assert moved == ("registration/similarity" in terms)
        if phase not in translator.preparatory:
            assert moved, phase
    assert set(translator.state_dict()) == names
    assert has_structure == ({"generator/structure"} if translator.trains_on_image else set())
