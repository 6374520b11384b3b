"""ChromaGAN: count, the critic's terms, and what reaches whom."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from small_batches import colour_batch_of, count
from transmodal import translators
from transmodal.errors import UsageError
from transmodal.nets.lab import rgb_to_lab
from transmodal.nets.meta import shapes_alone
from transmodal.translators.chromagan import ChromaGan, chroma_of, gradient_penalty

TINY: dict[str, Any] = {"width": 4, "global_side": 2, "target_channels": 3}


def built(**changes: Any) -> ChromaGan:  # noqa: ANN401
    torch.manual_seed(0)
    translator = translators.build("chromagan", {**TINY, **changes})
    assert isinstance(translator, ChromaGan)
    return translator


def test_size_is_the_known_one() -> None:
    with shapes_alone():
        translator = translators.build("chromagan", {})
    assert isinstance(translator, ChromaGan)
    assert count(translator.generator) == pytest.approx(47.5e6, rel=0.005)


def test_the_source_is_the_lightness() -> None:
    translator, batch = built().eval(), colour_batch_of()
    with torch.no_grad():
        nn.init.zeros_(translator.generator.head.weight)
        nn.init.constant_(translator.generator.head.bias, torch.logit(torch.tensor(128 / 255)).item())  # type: ignore[arg-type]
        grey = translator(batch.source, batch.available)
    light = rgb_to_lab(grey)[:, :1]
    torch.testing.assert_close(light, 50 * (batch.source + 1), atol=0.05, rtol=0)
    torch.testing.assert_close(grey[:, :1], grey[:, 2:], atol=1e-3, rtol=0)


def test_terms_and_whom_they_reach() -> None:
    translator, batch = built(adversarial_weight=0.5), colour_batch_of()
    outputs = translator.synthesise(batch)
    assert translator.critic is not None
    assert batch.target is not None
    terms = translator.losses("generator", batch, outputs)
    apart = (outputs.chroma - chroma_of(batch.target)).square().mean()
    torch.testing.assert_close(terms["chroma"], apart)
    verdicts = translator.critic(torch.cat([batch.source, outputs.chroma], dim=1))
    torch.testing.assert_close(terms["adversarial"], -0.5 * verdicts.mean())
    critic = translator.losses("critic", batch, outputs)
    assert set(critic) == {"real", "synthetic", "penalty"}
    torch.stack(list(critic.values())).sum().backward()
    assert all(one.grad is None for one in translator.generator.parameters())
    assert all(one.grad is not None for one in translator.critic.parameters())
    for term in terms.values():
        translator.zero_grad(set_to_none=True)
        term.backward(retain_graph=True)
        assert all(one.grad is not None for one in translator.generator.parameters())


def test_the_penalty_wants_a_slope_of_one() -> None:
    class Slope(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return 3 * images[:, 1:2, :1, :1]

    found = gradient_penalty(Slope(), torch.zeros(2, 1, 4, 4), torch.rand(2, 2, 4, 4))
    assert float(found.detach()) == pytest.approx(4.0)


def test_switches() -> None:
    batch = colour_batch_of()
    alone = built(adversarial_weight=0.0)
    assert set(alone.players("train")) == {"generator"}
    assert set(alone.losses("generator", batch, alone.synthesise(batch))) == {"chroma"}
    plain = built(penalty_weight=0.0)
    assert set(plain.losses("critic", batch, plain.synthesise(batch))) == {"real", "synthetic"}
    local, whole = built(global_features=False), built()
    assert count(local.generator) < count(whole.generator)


@pytest.mark.parametrize("told", [True, False])
def test_the_whole_image_is_told_to_every_place(told: bool) -> None:
    translator, batch = built(global_features=told).eval(), colour_batch_of(1, 128)
    changed = batch.source.clone()
    changed[..., 96:, 96:] = 1
    with torch.no_grad():
        one, other = (translator.generator(x)[..., :8, :8] for x in (batch.source, changed))
    assert torch.equal(one, other) != told


def test_what_does_not_fit_is_refused() -> None:
    for changes in ({"source_channels": (1, 1)}, {"target_channels": 1}, {"slab_depth": 3}):
        with pytest.raises(UsageError, match="one grey source"):
            built(**changes)
    with pytest.raises(UsageError, match="sides of 24"):
        built().synthesise(colour_batch_of(side=16))
    with pytest.raises(UsageError, match="sides of 40"):
        built().synthesise(colour_batch_of(1))
