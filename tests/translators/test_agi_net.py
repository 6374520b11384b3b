"""AGI-Net: its switches, its terms, and what it makes of missing sources."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from transmodal import translators
from transmodal.batch import Batch
from transmodal.errors import InputError, UsageError
from transmodal.nets.meta import shapes_alone
from transmodal.translators.agi_net.generator import ModalityStem
from transmodal.translators.agi_net.group_rolling import (
    Routing,
    SpatialAttention,
    shuffled,
)
from transmodal.translators.agi_net.translator import AGINet

TINY: dict[str, Any] = {"width": 4, "levels": 3, "blocks": 1}
TWO: dict[str, Any] = {**TINY, "source_channels": (1, 1)}


def built(**settings: Any) -> AGINet:  # noqa: ANN401 - whatever Config takes
    torch.manual_seed(5)
    translator = translators.build("agi_net", {**TWO, **settings})
    assert isinstance(translator, AGINet)
    return translator


def awake(translator: AGINet) -> AGINet:
    """Give the routing offsets of its own; it starts with none."""
    for module in translator.modules():
        if isinstance(module, Routing):
            torch.nn.init.normal_(module.offset.weight, 0, 5)
            torch.nn.init.normal_(module.scale.weight, 0, 5)
    return translator


def batch(size: int = 2, channels: int = 2, modalities: int = 2, side: int = 32) -> Batch:
    generator = torch.Generator().manual_seed(8)
    return Batch(
        torch.rand(size, channels, side, side, generator=generator) * 2 - 1,
        torch.ones(size, modalities),
        torch.rand(size, 1, side, side, generator=generator) * 2 - 1,
    )


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("settings", "generator"),
    [
        ({}, 19.856),
        ({"replace": "none"}, 18.300),
        ({"replace": "all"}, 20.498),
        ({"cga": "none"}, 18.373),
        ({"cga": "spatial"}, 18.377),
        ({"rolling": False}, 19.783),
        ({"source_channels": (1,)}, 21.322),
        ({"source_channels": (1, 1, 1, 1)}, 19.142),
    ],
)
def test_parameters_at_our_full_width(settings: dict[str, Any], generator: float) -> None:
    with shapes_alone():
        players = translators.build("agi_net", {"source_channels": (1, 1), **settings}).players("train")
    assert list(players) == ["discriminator", "generator"]
    assert count(players["generator"]) / 1e6 == pytest.approx(generator, abs=6e-4)
    assert count(players["discriminator"]) / 1e6 == pytest.approx(2.765, rel=1e-3)


@pytest.mark.parametrize(
    ("settings", "attention", "routing"),
    [
        ({}, True, True),
        ({"rolling": False}, True, False),
        ({"cga": "none"}, False, True),
        ({"rolling": False, "cga": "none"}, False, False),
        ({"replace": "none"}, False, False),
    ],
)
def test_switches_remove_what_they_name(settings: dict[str, Any], attention: bool, routing: bool) -> None:
    names = {part for key in built(**settings).state_dict() for part in key.split(".")}
    assert ("attend" in names) == attention
    assert ("routing" in names) == routing


def test_replace_says_where() -> None:
    for replace, parts in (("encoder", {"encoder", "shrink"}), ("all", {"encoder", "shrink", "decoder"})):
        generator = built(replace=replace).generator
        found = {key.split(".")[0] for key in generator.state_dict() if ".routing." in key}
        assert found == parts
        assert {key.split(".")[0] for key in generator.state_dict() if ".attend." in key} == parts


def test_without_both_ideas_it_is_the_plain_network() -> None:
    one, other = built(rolling=False, cga="none"), built(replace="none")
    given = batch()
    assert torch.equal(one(given.source, given.available), other(given.source, given.available))


@pytest.mark.parametrize(
    ("key", "one", "other"),
    [
        ("roll_fill", "circular", "zero"),
        ("delta", 1.0, 0.25),
        ("groups", 2, 4),
        ("cga", "channel", "spatial"),
        ("blocks", 1, 2),
    ],
)
def test_settings_change_the_result(key: str, one: object, other: object) -> None:
    given = batch()
    first, second = (awake(built(**{key: value}))(given.source, given.available) for value in (one, other))
    assert not torch.allclose(first, second, atol=1e-4)


def test_the_stem_keeps_modalities_apart() -> None:
    stem = ModalityStem((1, 3), 4)
    source, there = torch.randn(1, 4, 6, 6), torch.ones(1, 2)
    changed = source.clone()
    changed[:, 1:] += 1
    first, second = stem(source, there), stem(changed, there)
    assert torch.equal(first[:, :2], second[:, :2])
    assert not torch.allclose(first[:, 2:], second[:, 2:])


@pytest.mark.parametrize("settings", [{}, {"slab_depth": 3}, {"source_channels": (1, 3)}])
def test_a_missing_source_changes_nothing_but_by_its_absence(settings: dict[str, Any]) -> None:
    translator = awake(built(**settings))
    given = batch(channels=translator.config.in_channels)
    first = translator.config.modalities[0]  # a slab's slices of the first modality come first
    without = given._replace(available=torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
    other = given.source.clone()
    other[0, first:] = float("nan")
    changed = without._replace(source=other)
    outputs = translator.synthesise(without)
    torch.testing.assert_close(translator.synthesise(changed).synthetic, outputs.synthetic)
    for player in translator.players("train"):
        for term, value in translator.losses(player, without, outputs).items():
            assert torch.equal(value, translator.losses(player, changed, outputs)[term])
    # Absence is not an image of zeros, and the other modality still counts.
    zeros = given.source.clone()
    zeros[0, first:] = 0
    grey = translator(zeros, given.available)
    assert not torch.allclose(grey[0], outputs.synthetic[0], atol=1e-4)
    torch.testing.assert_close(grey[1], outputs.synthetic[1])
    other[0, :first] += 0.5
    assert not torch.allclose(translator.synthesise(changed).synthetic[0], outputs.synthetic[0], atol=1e-4)


def test_absence_is_learnt_where_something_is_missing() -> None:
    translator = built()
    given = batch()._replace(available=torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
    sum(translator.losses("generator", given, translator.synthesise(given)).values()).backward()  # type: ignore[union-attr]
    grad = translator.generator.stem.absence.grad
    assert grad is not None
    assert grad[0].abs().max() == 0
    assert grad[1].abs().max() > 0


def test_a_sample_does_not_depend_on_its_batch() -> None:
    translator = awake(built())
    given = batch(3)
    available = torch.tensor([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    whole = translator(given.source, available)
    assert not torch.allclose(whole[0], whole[1], atol=1e-3)
    for n in range(3):
        alone = translator(given.source[n : n + 1], available[n : n + 1])
        torch.testing.assert_close(alone[0], whole[n], rtol=1e-4, atol=1e-5)


def test_terms_by_hand() -> None:
    translator, given = built(adversarial_weight=3.0), batch()
    outputs = translator.synthesise(given)
    assert given.target is not None
    assert translator.discriminator is not None
    terms = translator.losses("generator", given, outputs)
    verdicts = translator.discriminator(torch.cat([given.source, outputs.synthetic], dim=1))
    assert terms["adversarial"].item() == pytest.approx(3 * ((verdicts - 1) ** 2).mean().item(), rel=1e-5)
    distance = (outputs.synthetic - given.target).abs().mean().item()
    assert terms["l1"].item() == pytest.approx(100 * distance, rel=1e-5)
    judged = translator.losses("discriminator", given, outputs)
    assert judged["synthetic"].item() == pytest.approx(0.5 * (verdicts**2).mean().item(), rel=1e-5)
    sum(judged.values()).backward()  # type: ignore[union-attr]
    assert all(p.grad is None for p in translator.generator.parameters())
    assert all(p.grad is not None for p in translator.discriminator.parameters())


def test_without_adversary_there_is_one_player_and_one_term() -> None:
    translator, given = built(adversarial_weight=0.0), batch()
    assert list(translator.players("train")) == ["generator"]
    assert list(translator.losses("generator", given, translator.synthesise(given))) == ["l1"]
    assert not any(key.startswith("discriminator") for key in translator.state_dict())


@pytest.mark.parametrize("cga", ["channel", "spatial"])
def test_maps_can_be_drawn(cga: str) -> None:
    translator, given = built(cga=cga), batch()
    before = translator(given.source, given.available)
    maps = translator.maps(given.source, given.available)
    assert {stage: tuple(one.shape) for stage, one in maps.items()} == {
        "encoder.0": (2, 2, 32, 32),
        "encoder.1": (2, 2, 16, 16),
        "encoder.2": (2, 2, 8, 8),
    }
    assert all(one.min() >= 0 and one.max() <= 1 and one.std() > 0 for one in maps.values())
    assert torch.equal(before, translator(given.source, given.available))


def test_a_map_of_attention_by_place_is_that_attention() -> None:
    translator, given = built(cga="spatial"), batch()
    expected = []

    def note(module: SpatialAttention, inputs: tuple[torch.Tensor], _out: torch.Tensor) -> None:
        x = inputs[0]
        own, others = (one.reshape(2, 2, 2, 32, 32).mean(dim=2) for one in (x, shuffled(x, 2)))
        attention = torch.sigmoid(module.mix(torch.stack([own, others], dim=2).flatten(1, 2)))
        active = x.abs().reshape(2, 2, 2, 32, 32).sum(dim=2) > 0  # ReLU may leave nothing of a group
        expected.append(torch.where(active, attention, 0))

    block = translator.generator.encoder[0][0]  # type: ignore[index]
    for conv in (block.conv1, block.conv2):
        conv.attend.register_forward_hook(note)
    found = translator.maps(given.source, given.available)["encoder.0"]
    torch.testing.assert_close(found, torch.stack(expected).mean(dim=0))


def test_offsets_are_told() -> None:
    translator, given = built(delta=0.5), batch()
    start = translator.offsets(given.source, given.available)
    assert set(start) == {
        *(f"encoder.{level}.0.conv{n}.routing" for level in range(3) for n in (1, 2)),
        "shrink.0.routing",
        "shrink.1.routing",
    }
    assert all(one.shape == (2, 2, 2) and one.abs().max() == 0 for one in start.values())
    moved = awake(translator).offsets(given.source, given.available)
    assert all(0 < one.abs().max() < 0.5 for one in moved.values())
    assert built(rolling=False).offsets(given.source, given.available) == {}
    assert built(cga="none").maps(given.source, given.available) == {}


def test_patches_are_translated_whatever_stands_for_what_is_missing() -> None:
    translator = awake(built(spatial_dims=3, adversarial_weight=0.0)).eval()
    source, available = torch.rand(2, 2, 8, 12, 4), torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    other = source.clone()
    other[1, 1] = 9.0
    with torch.no_grad():
        out, same = translator(source, available), translator(other, available)
        both = translator(source, torch.ones(2, 2))
    assert out.shape == (2, 1, 8, 12, 4)
    assert torch.equal(out, same)
    assert (out[1] - both[1]).abs().max() > 0
    offsets = translator.offsets(source, available)
    assert offsets
    assert all(one.shape == (2, 2, 3) for one in offsets.values())
    maps = translator.maps(source, available)
    assert maps["encoder.0"].shape == (2, 2, 8, 12, 4)


@pytest.mark.parametrize("sides", [(20, 28), (8, 4), (36, 32)])
def test_odd_multiples_translate(sides: tuple[int, int]) -> None:
    out = built()(torch.rand(1, 2, *sides), torch.ones(1, 2))
    assert out.shape == (1, 1, *sides)
    assert torch.isfinite(out).all()


def test_what_does_not_fit_is_refused() -> None:
    translator, given = built(), batch()
    with pytest.raises(UsageError, match="without any source modality"):
        translator(given.source, torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
    with pytest.raises(UsageError, match="1 pixel"):
        translator(given.source[..., :4, :4], given.available)
    with pytest.raises(UsageError, match="sides of 24 or more"):
        translator.synthesise(batch(side=20))
    assert built(adversarial_weight=0.0).synthesise(batch(side=20)).synthetic.shape[-1] == 20
    with pytest.raises(UsageError, match=r"settings\.width to 6"):
        built(source_channels=(1, 1, 1))
    with pytest.raises(UsageError, match="3 groups"):
        built(groups=3)
    with pytest.raises(InputError, match="without target"):
        translator.losses("generator", given._replace(target=None), translator.synthesise(given))
