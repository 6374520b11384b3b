"""ColorFormer: count, its encoder, what is told to every place, terms and whom they reach, switches."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from small_batches import colour_batch_of, count
from transmodal import translators
from transmodal.errors import InputError, UsageError
from transmodal.nets.lab import rgb_to_lab
from transmodal.nets.meta import shapes_alone
from transmodal.translators.colorformer.translator import ColorFormer

TINY: dict[str, Any] = {
    "width": 8, "depths": (2, 2), "heads": (1, 2), "window": 3, "pooled": (2, 1), "features": 8,
    "entries": 6, "palettes": 2, "meaning": 4, "query": 8, "colour": 8, "perceptual_weight": 0,
    "discriminator_width": 4, "discriminator_blocks": 1, "target_channels": 3,
}  # fmt: skip


def built(**changes: Any) -> ColorFormer:  # noqa: ANN401
    torch.manual_seed(0)
    translator = translators.build("colorformer", {**TINY, **changes})
    assert isinstance(translator, ColorFormer)
    return translator


def test_size_is_the_known_one() -> None:
    with shapes_alone():
        translator = translators.build("colorformer", {})
    assert isinstance(translator, ColorFormer)
    assert count(translator.generator) == pytest.approx(44.8e6, rel=0.005)
    assert count(built()) < 200_000


def test_padding_is_attended_to_as_published_but_not_in_earlier_checkpoints() -> None:
    published, masked = built(), built(padding="masked")
    blocks = [stage[0].attention for stage in published.generator.encoder.stages]
    filled = torch.randn(1, 4, 5, 8)  # windows of 3 do not divide it
    assert not torch.allclose(
        blocks[0](filled), masked.generator.encoder.stages[0][0].attention(filled), atol=1e-4
    )
    assert translators.completed("colorformer", TINY)["padding"] == "masked"
    assert translators.completed("colorformer", {**TINY, "padding": "attended"})["padding"] == "attended"


def test_the_encoder_has_a_map_per_stage_and_shares_of_the_whole_image() -> None:
    translator = built()
    maps, shares = translator.generator.encoder(torch.randn(2, 3, 32, 48))
    assert [one.shape for one in maps] == [(2, 8, 8, 12), (2, 16, 4, 6)]
    choice = translator.generator.encoder.choice
    assert choice is not None
    mean = choice[0](maps[-1].permute(0, 2, 3, 1)).mean((1, 2))
    torch.testing.assert_close(shares, choice[1](mean).softmax(1))
    torch.testing.assert_close(shares.sum(1), torch.ones(2))


@pytest.mark.parametrize("pooled", [(2, 1), (0, 0)])
def test_means_are_told_to_every_place(pooled: tuple[int, ...]) -> None:
    encoder = built(pooled=pooled, depths=(1, 1), window=2).generator.encoder
    grey = torch.randn(1, 3, 64, 64)
    changed = grey.clone()
    changed[..., 48:, 48:] += 3
    (one, _), (other, _) = encoder(grey), encoder(changed)
    assert torch.equal(one[0][..., :4, :4], other[0][..., :4, :4]) == (pooled == (0, 0))


def test_the_source_is_the_lightness() -> None:
    translator, batch = built().eval(), colour_batch_of()
    with torch.no_grad():
        assert translator.generator.head.bias is not None
        nn.init.zeros_(translator.generator.head.weight)
        nn.init.zeros_(translator.generator.head.bias)
        grey = translator(batch.source, batch.available)
    torch.testing.assert_close(rgb_to_lab(grey)[:, :1], 50 * (batch.source + 1), atol=0.05, rtol=0)
    torch.testing.assert_close(grey[:, :1], grey[:, 2:], atol=1e-3, rtol=0)


def test_terms_and_whom_they_reach() -> None:
    translator, batch = built(adversarial_weight=0.5, chroma_weight=2.0), colour_batch_of()
    outputs = translator.synthesise(batch)
    assert translator.discriminator is not None
    assert batch.target is not None
    terms = translator.losses("generator", batch, outputs)
    apart = (outputs.chroma - rgb_to_lab(batch.target)[:, 1:]).abs().mean()
    torch.testing.assert_close(terms["chroma"], 2 * apart)
    verdicts = translator.discriminator(outputs.synthetic)
    torch.testing.assert_close(terms["adversarial"], -0.5 * verdicts.sigmoid().log().mean())
    judged = translator.losses("discriminator", batch, outputs)
    assert set(judged) == {"real", "synthetic"}
    torch.testing.assert_close(judged["synthetic"], -(1 - verdicts.sigmoid()).log().mean())
    torch.autograd.backward(list(judged.values()))
    assert all(one.grad is None for one in translator.generator.parameters())
    assert all(one.grad is not None for one in translator.discriminator.parameters())
    for term in terms.values():
        translator.zero_grad(set_to_none=True)
        torch.autograd.backward(term, retain_graph=True)
        assert all(one.grad is not None for one in translator.generator.parameters())


def test_the_perceptual_term_compares_with_the_target() -> None:
    translator, batch = built(perceptual_weight=5.0, vgg="random", adversarial_weight=0), colour_batch_of()
    assert set(translator.frozen()) == {"vgg"}
    outputs = translator.synthesise(batch)
    apart = translator.losses("generator", batch, outputs)["perceptual"]
    assert batch.target is not None
    same = translator.losses("generator", batch, outputs._replace(synthetic=batch.target))["perceptual"]
    assert float(apart.detach()) > float(same.detach()) == 0


def test_switches() -> None:
    batch = colour_batch_of()
    alone = built(adversarial_weight=0)
    assert set(alone.players("train")) == {"generator"}
    assert set(alone.losses("generator", batch, alone.synthesise(batch))) == {"chroma"}
    assert alone.losses("discriminator", batch, alone.synthesise(batch)) == {}
    plain = built(entries=0)
    memory = built().generator.memory
    assert memory is not None
    choice = 2 * 16 + 16 * 2 + 2
    assert count(built().generator) - count(plain.generator) == count(memory) + choice
    assert plain.synthesise(batch).synthetic.shape == (2, 3, 32, 32)


def test_what_does_not_fit_is_refused() -> None:
    for changes in ({"source_channels": (1, 1)}, {"target_channels": 1}, {"slab_depth": 3}):
        with pytest.raises(UsageError, match="one grey source"):
            built(**changes)
    for wrong in ({"heads": (1,)}, {"heads": (3, 2)}, {"depths": (2, 0)}, {"pooled": (2, -1)}):
        with pytest.raises(UsageError) as refused:
            built(**wrong)
        assert refused.value.code == "E001"
    with pytest.raises(UsageError, match="sides of 16"):
        built().synthesise(colour_batch_of(1, 8))
    with pytest.raises(UsageError, match="sides of 64"):
        built(discriminator_blocks=3).synthesise(colour_batch_of())
    with pytest.raises(InputError, match="without target"):
        built().losses(
            "generator", colour_batch_of()._replace(target=None), built().synthesise(colour_batch_of())
        )
    with pytest.raises(UsageError, match="no pretrained weights"):
        built(perceptual_weight=1.0).frozen()["vgg"].check()
