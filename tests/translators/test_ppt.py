"""PPT: counts, terms, and what reaches whom."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from transmodal import translators
from transmodal.batch import Batch
from transmodal.errors import UsageError
from transmodal.nets.meta import shapes_alone
from transmodal.nets.patchgan import PatchDiscriminator
from transmodal.translators._conditional_gan import ConditionalGan
from transmodal.translators.ppt.contrastive import (
    pyramid_distance,
)
from transmodal.translators.ppt.generator import ContrastiveGenerator, blurred_half
from transmodal.translators.ppt.translator import Ppt

TINY: dict[str, Any] = {
    "width": 4, "downsamplings": 2, "blocks": 5, "patches": 16, "features": 8, "content_weight": 0.0,
}  # fmt: skip


def built(**changes: Any) -> Ppt:  # noqa: ANN401
    torch.manual_seed(0)
    translator = translators.build("ppt", {**TINY, **changes})
    assert isinstance(translator, Ppt)
    return translator


def batch_of(n: int = 2, side: int = 32) -> Batch:
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(n, 1, side, side, generator=generator) * 2 - 1
    return Batch(image, torch.ones(n, 1), -image, draw=torch.arange(n))


def count(*modules: nn.Module) -> int:
    return sum(one.numel() for module in modules for one in module.parameters())


@pytest.mark.parametrize(("downsamplings", "known"), [(4, 182.4e6), (2, 11.37e6)])
def test_sizes_are_the_known_ones(downsamplings: int, known: float) -> None:
    with shapes_alone():
        translator = translators.build("ppt", {"downsamplings": downsamplings})
    assert isinstance(translator, Ppt)
    generator = translator.generator
    assert count(generator) - count(generator.projections) == pytest.approx(known, rel=0.005)


@pytest.mark.parametrize(("downsamplings", "blocks"), [(4, ()), (3, (0,)), (2, (0, 4)), (1, (0, 4, 8))])
def test_five_maps_are_compared(downsamplings: int, blocks: tuple[int, ...]) -> None:
    generator = built(downsamplings=downsamplings, blocks=9).generator
    maps = generator._walk(torch.zeros(1, 1, 32, 48), 9)[1]
    assert [one.shape[2] * one.shape[3] for one in maps] == generator.areas(32, 48)
    assert len(maps) == len(generator.projections) == 5
    assert generator._tapped_blocks == blocks


def test_halving_blurs_first() -> None:
    stripes = (torch.arange(16) % 2).float().expand(1, 3, 16, 16)
    torch.testing.assert_close(blurred_half(stripes), torch.full((1, 3, 8, 8), 0.5))


def test_places_are_the_seeds_alone_and_differ_within_a_map() -> None:
    translator, batch = built(), batch_of()
    places = translator.synthesise(batch).places
    assert places is not None
    assert places.shape == (2, 5, 16)
    assert all(len(set(one.tolist())) == 16 for one in places.flatten(0, 1))
    again = translator.synthesise(batch._replace(draw=torch.tensor([0, 9]))).places
    assert again is not None
    assert torch.equal(again[0], places[0])
    assert not torch.equal(again[1], places[1])


def test_the_same_image_costs_less_than_another() -> None:
    translator, batch = built(identity=False), batch_of()
    outputs = translator.synthesise(batch)
    same = translator.losses("generator", batch, outputs._replace(synthetic=batch.source))["contrast"]
    noise = torch.rand(batch.source.shape, generator=torch.Generator().manual_seed(5)) * 2 - 1
    other = translator.losses("generator", batch, outputs._replace(synthetic=noise))["contrast"]
    assert float(same.detach()) < float(other.detach())


def test_terms_and_whom_they_reach() -> None:
    translator, batch = built(content_weight=1.0, vgg="random"), batch_of(1)
    outputs = translator.synthesise(batch)
    terms = translator.losses("generator", batch, outputs)
    assert set(terms) == {
        "adversarial", "pyramid", "alignment", "content", "contrast", "contrast_identity", "contrast_target",
    }  # fmt: skip
    head, projections = translator.generator.head, translator.generator.projections
    for name, term in terms.items():
        translator.zero_grad(set_to_none=True)
        term.backward(retain_graph=True)
        assert all(one.grad is not None for one in translator.generator.stem.parameters()), name
        contrasts = name.startswith("contrast")
        assert all((one.grad is not None) == contrasts for one in projections.parameters()), name
        # Of the identity that gives the keys nothing is learnt.
        assert (next(head.parameters()).grad is not None) == (name != "contrast_target"), name
    translator.zero_grad(set_to_none=True)
    torch.stack(list(translator.losses("discriminator", batch, outputs).values())).sum().backward()
    assert all(one.grad is not None for one in translator.discriminator.parameters())
    assert all(one.grad is None for one in translator.generator.parameters())


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({"contrast_weight": 0.0}, {"contrast", "contrast_identity", "contrast_target"}),
        ({"identity": False}, {"contrast_identity", "contrast_target"}),
        ({"pyramid_weight": 0.0}, {"pyramid"}),
        ({"alignment_weight": 0.0}, {"alignment"}),
    ],
)
def test_switches_leave_their_terms_out(changes: dict[str, Any], gone: set[str]) -> None:
    batch, whole, part = batch_of(), built(), built(**changes)
    names = [set(one.losses("generator", batch, one.synthesise(batch))) for one in (whole, part)]
    assert names[0] - names[1] == gone


def test_gamma_zero_is_a_quarter_of_info_nce() -> None:
    batch, plain = batch_of(), built(focal_gamma=0.0, temperature=1e6)
    terms = plain.losses("generator", batch, plain.synthesise(batch))
    assert float(terms["contrast"].detach()) == pytest.approx(0.25 * math.log(16), rel=1e-4)


def test_the_shared_objective_is_conditional_and_has_l1() -> None:
    batch = batch_of()
    translator = translators.build("ppt", {**TINY, "objective": "cgan", "l1_weight": 7.0})
    assert isinstance(translator, ConditionalGan)
    outputs = translator.synthesise(batch)
    assert isinstance(translator.generator, ContrastiveGenerator)
    assert len(translator.generator.projections) == 0
    terms = translator.losses("generator", batch, outputs)
    assert set(terms) == {"adversarial", "l1"}
    assert batch.target is not None
    torch.testing.assert_close(terms["l1"], 7 * (outputs.synthetic - batch.target).abs().mean())
    assert isinstance(translator.discriminator, PatchDiscriminator)
    first = translator.discriminator.layers[0]
    assert isinstance(first, nn.Conv2d)
    assert first.in_channels == 2


def test_other_channels_are_compared_by_their_mean() -> None:
    generator = built(source_channels=(1, 1), target_channels=3).generator
    image = torch.rand(1, 3, 4, 4)
    torch.testing.assert_close(generator.as_source(image), image.mean(1, keepdim=True).repeat(1, 2, 1, 1))
    alike = torch.rand(1, 2, 4, 4)
    assert generator.as_source(alike) is alike


def test_small_windows_are_refused() -> None:
    with pytest.raises(UsageError, match="sides of 24"):
        built().synthesise(batch_of(side=16))
    batch = batch_of(side=16)
    with pytest.raises(UsageError, match=r"4 downsamplings.*sides of 32"):
        built(downsamplings=4)(batch.source, batch.available)


def test_weights_weigh() -> None:
    batch, translator = batch_of(), built(alignment_weight=2.0, pyramid_weight=3.0)
    outputs = translator.synthesise(batch)._replace(synthetic=torch.zeros_like(batch.source))
    terms = translator.losses("generator", batch, outputs)
    assert batch.target is not None
    torch.testing.assert_close(terms["alignment"], 2 * batch.target.abs().sum() / (2 * 81))
    torch.testing.assert_close(terms["pyramid"], 3 * pyramid_distance(outputs.synthetic, batch.target))
