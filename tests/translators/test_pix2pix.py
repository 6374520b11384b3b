"""pix2pix: what the paper fixes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from transmodal import translators
from transmodal.batch import Batch
from transmodal.nets.meta import shapes_alone

TINY: dict[str, Any] = {"width": 4, "levels": 3}


def millions(module: torch.nn.Module) -> float:
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


@pytest.mark.parametrize(
    ("settings", "generator", "discriminator"),
    [
        ({}, 54.408, 2.765),
        ({"source_channels": (3,), "target_channels": 3}, 54.414, 2.769),
        ({"source_channels": (3,), "target_channels": 3, "norm": "instance"}, 54.410, 2.768),
    ],
)
def test_parameters_at_the_papers_width(
    settings: dict[str, object], generator: float, discriminator: float
) -> None:
    with shapes_alone():
        players = translators.build("pix2pix", settings).players("train")
    assert list(players) == ["discriminator", "generator"]
    assert millions(players["generator"]) == pytest.approx(generator, abs=6e-4)
    assert millions(players["discriminator"]) == pytest.approx(discriminator, abs=6e-4)


def test_a_patch_is_translated_by_kernels_of_three_sides() -> None:
    with shapes_alone():
        flat, solid = (translators.build("pix2pix", {"spatial_dims": dims}) for dims in (2, 3))
    assert list(flat.state_dict()) == list(solid.state_dict())
    assert {
        key: (*value.shape, 4) if value.ndim == 4 else tuple(value.shape)
        for key, value in flat.state_dict().items()
    } == {key: tuple(value.shape) for key, value in solid.state_dict().items()}
    translator = translators.build("pix2pix", {**TINY, "spatial_dims": 3}).eval()
    source = torch.rand(2, 1, 8, 16, 24)
    with torch.no_grad():
        whole, alone = (translator(part, torch.ones(len(part), 1)) for part in (source, source[:1]))
    assert whole.shape == (2, 1, 8, 16, 24)
    torch.testing.assert_close(whole[:1], alone)  # each patch by its own statistics


def test_terms_by_hand() -> None:
    translator = translators.build("pix2pix", {"width": 4, "levels": 5, "norm": "instance"}).eval()
    source, target = torch.rand(2, 2, 1, 64, 64).unbind(0)
    batch = Batch(source, torch.ones(2, 1), target)
    outputs = translator.synthesise(batch)
    generator = translator.losses("generator", batch, outputs)
    assert generator["l1"].item() == pytest.approx(
        100 * (outputs.synthetic - target).abs().mean().item(), rel=1e-5
    )
    on_synthetic = translator.players("train")["discriminator"](torch.cat([source, outputs.synthetic], dim=1))
    assert generator["adversarial"].item() == pytest.approx(((on_synthetic - 1) ** 2).mean().item(), rel=1e-5)
    judged = translator.losses("discriminator", batch, outputs)
    assert judged["synthetic"].item() == pytest.approx(0.5 * (on_synthetic**2).mean().item(), rel=1e-5)
    sum(judged.values()).backward()  # type: ignore[union-attr]
    assert all(p.grad is None for p in translator.players("train")["generator"].parameters())


def test_batch_norm_couples_and_instance_norm_does_not() -> None:
    assert translators.build("pix2pix", {"width": 4}).batch_coupled
    assert not translators.build("pix2pix", {"width": 4, "norm": "instance"}).batch_coupled
