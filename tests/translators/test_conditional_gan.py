"""The conditional GAN that generators share."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from transmodal import translators
from transmodal.batch import Batch
from transmodal.errors import InputError, UsageError
from transmodal.nets.meta import shapes_alone
from transmodal.nets.patchgan import PatchDiscriminator
from transmodal.nets.resnet import ResNetGenerator
from transmodal.translators._conditional_gan import ConditionalGan

SMALL: dict[str, dict[str, Any]] = {
    "pix2pix": {"width": 4, "levels": 4},
    "cyclegan": {"width": 4, "blocks": 1, "objective": "cgan"},
}


def built(name: str, **changes: Any) -> ConditionalGan:  # noqa: ANN401
    torch.manual_seed(0)
    translator = translators.build(name, {**SMALL[name], **changes})
    assert isinstance(translator, ConditionalGan)
    return translator.eval()


def batch_of(side: int = 32) -> Batch:
    rng = torch.Generator().manual_seed(1)
    source, target = (torch.rand(2, 1, side, side, generator=rng) * 2 - 1 for _ in range(2))
    return Batch(source, torch.ones(2, 1), target, draw=torch.tensor([1, 2]))


@pytest.mark.parametrize("name", SMALL)
def test_terms_are_those_of_least_squares_and_l1(name: str) -> None:
    translator, batch = built(name, l1_weight=7.0, adversarial_weight=0.5), batch_of()
    outputs = translator.synthesise(batch)
    assert translator.discriminator is not None
    on_real, on_synthetic = (
        translator.discriminator(torch.cat([batch.source, image], dim=1))
        for image in (batch.paired(), outputs.synthetic)
    )
    terms = translator.losses("generator", batch, outputs)
    assert set(terms) == {"adversarial", "l1"}
    torch.testing.assert_close(terms["adversarial"], 0.5 * ((on_synthetic - 1) ** 2).mean())
    torch.testing.assert_close(terms["l1"], 7 * F.l1_loss(outputs.synthetic, batch.paired()))
    judged = translator.losses("discriminator", batch, outputs)
    torch.testing.assert_close(judged["real"], 0.5 * ((on_real - 1) ** 2).mean())
    torch.testing.assert_close(judged["synthetic"], 0.5 * (on_synthetic**2).mean())


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_vanilla_terms_are_cross_entropy_on_logits_in_float32(precision: torch.dtype) -> None:
    translator, batch = built("pix2pix", gan="vanilla", adversarial_weight=0.5), batch_of()
    judge = translator.discriminator
    assert judge is not None
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        outputs = translator.synthesise(batch)
        on_real, on_synthetic = (
            judge(torch.cat([batch.source, image], dim=1)) for image in (batch.paired(), outputs.synthetic)
        )
        terms = translator.losses("generator", batch, outputs)
        judged = translator.losses("discriminator", batch, outputs)
    assert on_real.dtype == precision
    for term, verdicts, label, weight in (
        (terms["adversarial"], on_synthetic, 1.0, 0.5),
        (judged["real"], on_real, 1.0, 0.5),
        (judged["synthetic"], on_synthetic, 0.0, 0.5),
    ):
        wanted = F.binary_cross_entropy_with_logits(verdicts.float(), torch.full(verdicts.shape, label))
        assert term.dtype == torch.float32
        torch.testing.assert_close(term, weight * wanted, rtol=1e-5, atol=1e-6)


FAMILY: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in ("pix2pix", "resvit", "transunet", "swin_unet", "agi_net")),
    *((name, {"objective": "paper"}) for name in ("cyclegan", "tcgan")),
    ("ppt", {"objective": "paper", "content_weight": 0}),
    *((name, {"objective": "cgan"}) for name in ("cyclegan", "tcgan", "ppt")),
]


@pytest.mark.parametrize(
    ("first", "norm"), [("generator", "instance"), ("discriminator", "batch"), ("discriminator", "instance")]
)
@pytest.mark.parametrize(("name", "extra"), FAMILY)
def test_a_discriminator_can_be_held_constant(
    name: str, extra: dict[str, Any], first: str, norm: str
) -> None:
    """Its norm and who steps first are settings of every translator of the family, under either objective."""
    with shapes_alone():
        translator = translators.build(name, {"steps_first": first, "discriminator_norm": norm, **extra})
    players = translator.players(translator.phases[-1])
    judges = [player for player in players if "discriminator" in player]
    assert judges
    assert (next(iter(players)) in judges) is (first == "discriminator")
    for judge in judges:
        kinds = {
            type(part)
            for part in players[judge].modules()
            if isinstance(part, (torch.nn.BatchNorm2d, torch.nn.InstanceNorm2d))
        }
        assert all(issubclass(kind, torch.nn.BatchNorm2d) is (norm == "batch") for kind in kinds)
        assert kinds


@pytest.mark.parametrize("name", SMALL)
def test_without_its_weight_there_is_no_discriminator(name: str) -> None:
    translator, batch = built(name, adversarial_weight=0.0), batch_of(16)
    assert translator.discriminator is None
    assert set(translator.players("train")) == {"generator"}
    outputs = translator.synthesise(batch)
    assert set(translator.losses("generator", batch, outputs)) == {"l1"}
    with pytest.raises(
        UsageError, match=r"the discriminator.*sides of 24.*fewer settings\.discriminator_layers"
    ):
        built(name).synthesise(batch)


def test_a_batch_without_target_is_refused() -> None:
    translator, batch = built("pix2pix"), batch_of()
    outputs = translator.synthesise(batch)
    with pytest.raises(InputError, match="without target"):
        translator.losses("generator", batch._replace(target=None), outputs)


def test_cyclegans_generator_alone_learns_from_pairs() -> None:
    translator = built("cyclegan")
    assert isinstance(translator.generator, ResNetGenerator)
    assert translator.pairing == "paired"
    assert not translator.batch_coupled
    assert translator.size_multiple() == 4
    assert set(translator.players("train")) == {"generator", "discriminator"}
    assert isinstance(translator.discriminator, PatchDiscriminator)
    other = translators.build("cyclegan", {**SMALL["cyclegan"], "objective": "paper"})
    assert other.pairing == "unpaired"


def test_only_batch_normalisation_couples_samples() -> None:
    assert built("pix2pix").batch_coupled
    assert not built("pix2pix", norm="instance").batch_coupled
