"""ALDM in two dimensions: codes, noise, the sampler, and which phase trains what."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from transmodal import translators
from transmodal.batch import Batch
from transmodal.nets.diffusion import ConditionedUNet, Schedule, Spade
from transmodal.nets.vq import VQAutoencoder, codebook_terms
from transmodal.translators.aldm import ALDM

TINY: dict[str, Any] = {
    "width": 4, "halvings": 1, "codes": 16, "diffusion_width": 8, "multiples": (1, 2), "heads": 2,
    "steps": 20, "sampler_steps": 3,
}  # fmt: skip


def built(**changes: Any) -> ALDM:  # noqa: ANN401
    torch.manual_seed(0)
    translator = translators.build("aldm", {**TINY, **changes})
    assert isinstance(translator, ALDM)
    return translator


def batch_of(phase: str, n: int = 2, side: int = 24) -> Batch:
    image = torch.rand(n, 1, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return Batch(image, torch.ones(n, 1), -image, draw=torch.arange(n) + 5, phase=phase)


def test_codes_are_the_nearest_and_pass_the_gradient_on() -> None:
    torch.manual_seed(0)
    net = VQAutoencoder(1, 4, 1, 3, 8)
    coded = net.encode(torch.rand(2, 1, 8, 12))
    assert coded.latent.shape == (2, 3, 4, 6)
    for b, i, j in ((0, 0, 0), (1, 3, 5), (0, 2, 1)):
        latent = coded.latent[b, :, i, j]
        nearest = min(range(8), key=lambda n: float((net.codebook.weight[n] - latent).detach().norm()))
        torch.testing.assert_close(coded.code[b, :, i, j], net.codebook.weight[nearest])
    torch.testing.assert_close(coded.passed, coded.code)
    assert net.codebook.weight.grad is None
    coded.passed.sum().backward(retain_graph=True)
    assert net.codebook.weight.grad is None
    assert all(one.grad is not None for one in net.encoder.parameters())
    net.zero_grad(set_to_none=True)
    terms = codebook_terms(coded, 0.5)
    terms["codebook"].backward(retain_graph=True)
    assert net.codebook.weight.grad is not None
    assert all(one.grad is None for one in net.encoder.parameters())
    torch.testing.assert_close(terms["commitment"], 0.5 * terms["codebook"])


def test_noise_keeps_the_variance_and_ends_as_noise() -> None:
    schedule = Schedule(1000)
    assert float(schedule.kept[0]) == pytest.approx(1 - 0.0015)
    assert float(schedule.kept[-1]) < 0.01
    assert (schedule.kept.diff() < 0).all()
    clean, noise = torch.randn(4, 2, 16, 16), torch.randn(4, 2, 16, 16)
    for step in (0, 300, 999):
        mixed = schedule.noisy(clean, noise, torch.full((4,), step))
        assert float(mixed.std()) == pytest.approx(1, abs=0.1)


def test_the_sampler_finds_what_a_perfect_denoiser_knows() -> None:
    schedule, clean = Schedule(200), torch.randn(2, 3, 4, 4)

    def perfect(x: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        kept = schedule.kept[step].reshape(-1, 1, 1, 1)
        return (x - kept.sqrt() * clean) / (1 - kept).sqrt()

    for n in (1, 7, 500):
        found = schedule.sample(perfect, torch.randn(2, 3, 4, 4), n)
        torch.testing.assert_close(found, clean, atol=1e-3, rtol=1e-3)


def test_spade_is_a_normalisation_that_the_condition_scales() -> None:
    spade = Spade(8, 3)
    x, condition = torch.randn(2, 8, 6, 6), torch.randn(2, 3, 3, 3)
    with torch.no_grad():
        spade.scale_shift.weight.zero_()
        spade.scale_shift.bias.zero_()
        torch.testing.assert_close(spade(x, condition), spade.norm(x))
        spade.scale_shift.bias[:8] = 1.0
        spade.scale_shift.bias[8:] = 0.5
        torch.testing.assert_close(spade(x, condition), 2 * spade.norm(x) + 0.5)


def test_the_denoiser_sees_step_and_condition() -> None:
    torch.manual_seed(0)
    net = ConditionedUNet(2, 3, 8, (1, 2), 2)
    x, condition = torch.randn(1, 2, 4, 8), torch.randn(1, 3, 4, 8)
    step = torch.tensor([3])
    out = net(x, step, condition)
    assert out.shape == x.shape
    assert not torch.allclose(out, net(x, step + 5, condition))
    assert not torch.allclose(out, net(x, step, condition + 1))


def test_each_phase_trains_its_part() -> None:
    translator = built()
    for phase, moved in (("autoencoder", ("autoencoders.",)), ("diffusion", ("denoiser.",))):
        translator.zero_grad(set_to_none=True)
        batch = batch_of(phase)
        outputs = translator.synthesise(batch)
        player = next(iter(translator.players(phase)))
        torch.stack(list(translator.losses(player, batch, outputs).values())).sum().backward()
        reached = {name for name, one in translator.named_parameters() if one.grad is not None}
        assert any(name.startswith(moved) for name in reached)
        assert all(name.startswith((*moved, "discriminator.")) for name in reached)


def test_translating_draws_from_the_seeds() -> None:
    translator = built().eval()
    batch = batch_of("diffusion")
    with torch.no_grad():
        one = translator(batch.source, batch.available, noise=torch.tensor([1, 2]))
        same = translator(batch.source[1:], batch.available[1:], noise=torch.tensor([2]))
        other = translator(batch.source, batch.available, noise=torch.tensor([3, 2]))
    torch.testing.assert_close(one[1:], same, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(one[0], other[0])
    torch.testing.assert_close(one[1], other[1], atol=1e-5, rtol=1e-4)


def test_latents_are_brought_to_the_noises_size() -> None:
    translator = built()
    for _ in range(150):
        translator.synthesise(batch_of("autoencoder"))
    latent = translator.autoencoders.target.encode(-batch_of("autoencoder").source).latent
    assert float(translator.scale) == pytest.approx(float(latent.detach().std()), rel=0.05)
    before = float(translator.scale)
    translator.synthesise(batch_of("diffusion"))
    assert float(translator.scale) == before


def test_the_size_is_recorded() -> None:
    with torch.device("meta"):
        players = {
            name: sum(one.numel() for one in module.parameters())
            for phase in ("autoencoder", "diffusion")
            for name, module in translators.build("aldm", {}).players(phase).items()
        }
    assert players == {"autoencoders": 6_687_242, "discriminator": 2_763_713, "denoiser": 17_195_908}
