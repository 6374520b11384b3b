"""CycleGAN: counts, which term reaches whom, and that unpaired images suffice to learn."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from transmodal import translators
from transmodal.batch import Batch
from transmodal.errors import UsageError
from transmodal.nets.meta import shapes_alone
from transmodal.translators.cyclegan.translator import CycleGAN

TINY: dict[str, Any] = {"width": 4, "blocks": 1, "pool": 3}


def batch_of(n: int = 2, side: int = 32, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return Batch(
        source=torch.rand(n, 1, side, side, generator=generator) * 2 - 1,
        available=torch.ones(n, 1),
        target=torch.rand(n, 1, side, side, generator=generator) * 2 - 1,
        draw=torch.arange(n) + seed,
    )


@pytest.mark.parametrize(("channels", "count"), [(1, 11.366e6), (3, 11.378e6)])
def test_generators_have_the_known_size(channels: int, count: float) -> None:
    with shapes_alone():
        translator = translators.build(
            "cyclegan", {"source_channels": (channels,), "target_channels": channels}
        )
    players = translator.players("train")
    assert list(players) == ["generators", "target_discriminator", "source_discriminator"]
    total = sum(one.numel() for one in players["generators"].parameters())
    assert total / 2 == pytest.approx(count, rel=0.005)
    judge = sum(one.numel() for one in players["target_discriminator"].parameters())
    assert judge == pytest.approx(2.765e6, rel=0.005)


def test_every_term_reaches_its_player_and_no_other() -> None:
    translator = translators.build("cyclegan", TINY)
    batch = batch_of()
    outputs = translator.synthesise(batch)
    players = translator.players("train")
    for name in players:
        for term, value in translator.losses(name, batch, outputs).items():
            translator.zero_grad(set_to_none=True)
            value.backward(retain_graph=True)
            reached = {
                other
                for other, module in players.items()
                if any(one.grad is not None and bool(one.grad.any()) for one in module.parameters())
            }
            # A generator's adversarial term also crosses a discriminator, which does not step by it.
            crossed = {
                "adversarial": {"target_discriminator"},
                "adversarial_back": {"source_discriminator"},
            }
            assert reached == {name} | (crossed.get(term, set()) if name == "generators" else set()), term


def test_cycles_and_identities_are_what_they_say() -> None:
    translator = translators.build("cyclegan", {**TINY, "cycle_weight": 2.0, "identity_weight": 0.25})
    assert isinstance(translator, CycleGAN)
    batch = batch_of()
    there, back = translator.generators["there"], translator.generators["back"]
    terms = translator.losses("generators", batch, translator.synthesise(batch))
    assert batch.target is not None
    expected = {
        "source_cycle": 2.0 * (back(there(batch.source)) - batch.source).abs().mean(),
        "target_cycle": 2.0 * (there(back(batch.target)) - batch.target).abs().mean(),
        "source_same": 0.5 * (back(batch.source) - batch.source).abs().mean(),
        "target_same": 0.5 * (there(batch.target) - batch.target).abs().mean(),
    }
    for term, value in expected.items():
        torch.testing.assert_close(terms[term], value)
    without = translators.build("cyclegan", {**TINY, "identity_weight": 0})
    assert "source_same" not in without.losses("generators", batch, without.synthesise(batch))


def test_pairs_are_held_against_both_generators_sample_by_sample() -> None:
    translator = translators.build("cyclegan", {**TINY, "paired_weight": 6.0})
    assert translator.learns_pairs
    batch = batch_of(3)._replace(is_pair=torch.tensor([True, False, True]))
    outputs = translator.synthesise(batch)
    terms = translator.losses("generators", batch, outputs)
    assert batch.target is not None
    for term, made, own in (
        ("paired", outputs.synthetic, batch.target),
        ("paired_back", outputs.back, batch.source),
    ):
        torch.testing.assert_close(terms[term], 6.0 * (made - own)[[0, 2]].abs().mean() * 2 / 3)
    nothing = batch._replace(is_pair=torch.zeros(3, dtype=torch.bool))
    assert not bool(translator.losses("generators", nothing, outputs)["paired"].any())
    without = translators.build("cyclegan", TINY)
    assert not without.learns_pairs
    assert "paired" not in without.losses("generators", batch, without.synthesise(batch))
    with pytest.raises(UsageError, match=r"Set settings\.paired_weight=0"):
        translators.build("cyclegan", {**TINY, "paired_weight": 6.0, "objective": "cgan"})


def test_one_pair_in_a_batch_tells_what_images_without_pairs_leave_open() -> None:
    """Images that are as often bright as dark: turning them round and leaving them looks alike to who has no pair."""
    is_pair = torch.tensor([True, False, False, False])

    def blobs(seed: int) -> torch.Tensor:
        noise = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
        return torch.nn.functional.interpolate(noise, scale_factor=4, mode="bilinear") * 1.6 - 0.8

    def learn(weight: float) -> float:
        torch.manual_seed(0)
        settings = {**TINY, "width": 8, "identity_weight": 0, "paired_weight": weight}
        translator = translators.build("cyclegan", settings)
        optimizers = {
            name: torch.optim.Adam(module.parameters(), 2e-3, betas=(0.5, 0.999))
            for name, module in translator.players("train").items()
        }
        for n in range(60):
            source, other = blobs(2 * n), blobs(2 * n + 1)
            target = torch.where(is_pair[:, None, None, None], source, other)
            batch = Batch(source, torch.ones(4, 1), target, draw=torch.arange(4) + 4 * n, is_pair=is_pair)
            outputs = translator.synthesise(batch)
            for name, optimizer in optimizers.items():
                loss = torch.stack(list(translator.losses(name, batch, outputs).values())).sum()
                optimizer.zero_grad()
                loss.backward(inputs=list(translator.players("train")[name].parameters()), retain_graph=True)
                optimizer.step()
        with torch.no_grad():
            image = blobs(9999)
            return float((translator(image, torch.ones(4, 1)) - image).abs().mean())

    assert learn(100.0) < 0.2 < 0.4 < learn(0.0)  # without pairs it turns them round


def test_identity_terms_need_as_many_channels_on_both_sides() -> None:
    with pytest.raises(UsageError, match="identity_weight=0"):
        translators.build("cyclegan", {**TINY, "target_channels": 3})
    translators.build("cyclegan", {**TINY, "target_channels": 3, "identity_weight": 0})


def test_it_learns_a_contrast_from_images_that_are_not_pairs() -> None:
    torch.manual_seed(0)
    translator = translators.build("cyclegan", {**TINY, "width": 8, "identity_weight": 0})
    optimizers = {
        name: torch.optim.Adam(module.parameters(), 2e-3, betas=(0.5, 0.999))
        for name, module in translator.players("train").items()
    }

    def blobs(seed: int) -> torch.Tensor:
        noise = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
        return torch.nn.functional.interpolate(noise, scale_factor=4, mode="bilinear") * 0.8 + 0.1

    def error() -> float:
        with torch.no_grad():
            image = blobs(9999)
            return float((translator(image, torch.ones(4, 1)) + image).abs().mean())

    before = error()
    for n in range(60):
        batch = Batch(blobs(2 * n), torch.ones(4, 1), -blobs(2 * n + 1), draw=torch.arange(4) + 4 * n)
        outputs = translator.synthesise(batch)
        for name, optimizer in optimizers.items():
            loss = torch.stack(list(translator.losses(name, batch, outputs).values())).sum()
            optimizer.zero_grad()
            parameters = [one for group in optimizer.param_groups for one in group["params"]]
            loss.backward(inputs=parameters, retain_graph=True)
            optimizer.step()
    assert error() < 0.5 * before


@pytest.mark.parametrize("objective", ["paper", "cgan"])
def test_patches_are_translated_and_learned_from(objective: str) -> None:
    settings = {**TINY, "objective": objective, "spatial_dims": 3, "discriminator_layers": 1}
    translator = translators.build("cyclegan", settings)
    source, target = torch.rand(2, 2, 1, 8, 12, 8).unbind(0)
    batch = Batch(source, torch.ones(2, 1), target, draw=torch.arange(2))
    outputs = translator.synthesise(batch)
    for player in translator.players("train"):
        assert all(torch.isfinite(term) for term in translator.losses(player, batch, outputs).values())
    with torch.no_grad():
        assert translator.eval()(source[:, :, :, :8], torch.ones(2, 1)).shape == (2, 1, 8, 8, 8)


def test_the_cycle_is_both_generators() -> None:
    translator = translators.build("cyclegan", TINY)
    batch = batch_of()
    returned = translator.cycle(batch.source, batch.available)
    assert torch.equal(returned, translator.synthesise(batch).source_cycle)


def test_one_generator_alone_has_no_way_back() -> None:
    alone = translators.build("cyclegan", {**TINY, "objective": "cgan"})
    batch = batch_of()
    assert alone.cycle(batch.source, batch.available) is None
