"""The registration head: it helps where targets were shifted, goes with a run that is gone on with, and translates nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from torch.optim import Adam

from transmodal import checkpoint
from transmodal.cohorts.store import Cohort
from transmodal.errors import IntegrityError
from transmodal.recipes.alignment_schema import RegistrationHead
from transmodal.recipes.schema import Recipe
from transmodal.testing.batches import batch_for, build
from transmodal.training import loop
from transmodal.training.alignment.registrar import Registrar, bend, draft_of
from transmodal.training.train import train

Tiny = Callable[..., Recipe]
HEAD = {"registration": {"width": 2, "levels": 2}}
LIGHT = {"width": 2, "levels": 2}


def registrar_for(name: str, **settings: object) -> tuple[Any, Registrar]:
    translator = build(name, settings)
    return translator, Registrar(RegistrationHead(width=2, levels=2), translator.config, torch.device("cpu"))


def test_it_helps_where_targets_were_shifted(
    error_of: Callable[[int, Mapping[str, Any] | None], float],
) -> None:
    plain, headed = (
        error_of(2, alignment) for alignment in (None, {"registration": {"width": 8, "levels": 2}})
    )
    assert headed < 0.9 * plain


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("more", [{}, {"spatial_dims": 3}, {"source_channels": (1, 3), "target_channels": 3}])
def test_the_head_learns_and_the_translator_does_not(precision: Any, more: dict[str, object]) -> None:  # noqa: ANN401 - a literal
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
    translator, registrar = registrar_for("unet_regression", **LIGHT, **more)
    optimizer = Adam(registrar.head.parameters(), 0.01)
    batch = batch_for(translator.train())
    before = {name: value.clone() for name, value in translator.state_dict().items()}
    first, _ = registrar.align(fabric, translator, optimizer, batch)
    second, terms = registrar.align(fabric, translator, optimizer, batch)
    torch.testing.assert_close(first.target, batch.target, rtol=0, atol=1e-5)  # it starts at nothing
    assert second.target is not None
    assert batch.target is not None
    assert second.target.dtype == torch.float32
    assert not torch.allclose(second.target, batch.target, atol=1e-5)
    assert not second.target.requires_grad
    assert set(terms) == {"registration/similarity", "registration/smoothness"}
    assert translator.training
    assert all(value.equal(before[name]) for name, value in translator.state_dict().items())


def test_masks_and_labels_go_with_the_target() -> None:
    translator = build("unet_regression", LIGHT)
    batch = batch_for(translator)
    mask = torch.zeros_like(batch.mask)  # type: ignore[arg-type]  # there is one
    mask[..., 8:16, 8:16] = 1
    batch = batch._replace(mask=mask, segmentation=3 * mask[:, 0].long())
    displacement = torch.zeros(2, 2, *batch.source.shape[2:])
    displacement[:, 0] = 2
    bent = bend(batch, displacement)
    assert torch.equal(bent.mask, torch.roll(mask, -2, 2))
    assert torch.equal(bent.segmentation, torch.roll(3 * mask[:, 0].long(), -2, 1))
    assert torch.equal(bent.source, batch.source)


def test_a_draft_is_the_translation_without_dropout_and_leaves_running_averages(fabric: Fabric) -> None:
    translator, _ = registrar_for(
        "pix2pix", width=2, levels=4, discriminator_layers=1, translate_with="running"
    )
    batch = batch_for(translator.train())
    before = {name: value.clone() for name, value in translator.state_dict().items()}
    draft = draft_of(fabric, translator, batch)
    with torch.no_grad():
        expected = translator.eval()(batch.source, batch.available)
    assert draft is not None
    assert torch.equal(draft, expected)
    assert all(value.equal(before[name]) for name, value in translator.state_dict().items())


def test_a_preparatory_phase_leaves_pairs_as_they_are(fabric: Fabric) -> None:
    translator, registrar = registrar_for("unet_regression", **LIGHT)
    translator.preparatory = frozenset({"train"})
    batch = batch_for(translator)
    aligned, terms = registrar.align(fabric, translator, Adam(registrar.head.parameters()), batch)
    assert aligned.target is batch.target
    assert terms == {}


def test_a_run_that_was_interrupted_ends_in_the_same_bytes(
    tiny: Tiny, cohort: Cohort, tmp_path: Path
) -> None:
    recipe = tiny(epochs=2, samples_per_epoch=12, alignment=HEAD)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train(recipe, cohort, whole)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "step", raise_at(5, loop.step))
        with pytest.raises(KeyboardInterrupt):
            train(tiny(epochs=2, samples_per_epoch=12, alignment=HEAD, checkpoint_minutes=0), cohort, stopped)
    train(recipe, cohort, stopped)
    first, second = (
        checkpoint.load(run / "checkpoints" / "last", optimizers=True) for run in (whole, stopped)
    )
    heads = [name for name in first.optimizers if name.startswith("weight-of/")]
    assert heads
    assert any(name.startswith("registration/") for name in first.optimizers)
    assert not any("registration" in name for name in first.weights)
    for ours, theirs in ((first.weights, second.weights), (first.optimizers, second.optimizers)):
        assert set(ours) == set(theirs)
        assert all(value.equal(theirs[name]) for name, value in ours.items())


def raise_at(number: int, own: Callable[..., Any]) -> Callable[..., Any]:
    calls: list[int] = []

    def stepping(*words: Any, **named: Any) -> Any:  # noqa: ANN401 - passed on
        calls.append(1)
        if len(calls) == number:
            raise KeyboardInterrupt
        return own(*words, **named)

    return stepping


def test_another_heads_weights_are_refused() -> None:
    translator, registrar = registrar_for("unet_regression", **LIGHT)
    other = Registrar(RegistrationHead(width=3, levels=2), translator.config, torch.device("cpu"))
    with pytest.raises(IntegrityError, match="registration head") as caught:
        other.restore(registrar.tensors())
    assert caught.value.code == "E502"
    assert registrar.restore({**registrar.tensors(), "generator/x/step": torch.ones(())}) == {
        "generator/x/step": torch.ones(())
    }
