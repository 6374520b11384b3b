"""The schedule of noise, its samplers and the denoiser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from transmodal.translators.aldm.diffusion import DenoiserShape, DenoisingUNet, Schedule


def noise_like(x: torch.Tensor, seed: int = 3) -> Iterator[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield torch.randn(x.shape, generator=generator)


def test_noise_keeps_the_variance_and_ends_as_noise() -> None:
    schedule = Schedule(1000)
    assert float(schedule.alpha_bar[0]) == pytest.approx(1 - 0.0015)
    assert float(schedule.alpha_bar[-1]) < 0.01
    assert (schedule.alpha_bar.diff() < 0).all()
    clean, noise = torch.randn(4, 2, 16, 16), torch.randn(4, 2, 16, 16)
    for step in (0, 300, 999):
        mixed = schedule.noisy(clean, noise, torch.full((4,), step))
        assert float(mixed.std()) == pytest.approx(1, abs=0.1)


def test_the_sampler_visits_the_released_steps() -> None:
    assert Schedule(1000).times(200) == list(range(1, 1000, 5))[::-1]
    assert Schedule(1000).times(20) == list(range(1, 1000, 50))[::-1]
    assert Schedule(1000).times(1) == [1]
    assert Schedule(30).times(20) == list(range(30))[::-1]
    assert Schedule(30).times(500) == list(range(30))[::-1]


@pytest.mark.parametrize("predicts", ["noise", "clean"])
@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_the_sampler_reaches_what_a_perfect_denoiser_gives(predicts: Any, eta: float) -> None:  # noqa: ANN401
    schedule, clean = Schedule(200, predicts), torch.randn(2, 3, 4, 4)

    def perfect(x: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        kept = schedule.alpha_bar[step].reshape(-1, 1, 1, 1)
        return clean if predicts == "clean" else (x - kept.sqrt() * clean) / (1 - kept).sqrt()

    for n in (7, 500):
        drawn = schedule.sample(perfect, noise_like(clean), n, eta)
        # What is left of the noise is that of the first step.
        left = (drawn - schedule.alpha_bar[0].sqrt() * clean) / (1 - schedule.alpha_bar[0]).sqrt()
        assert float(left.std()) == pytest.approx(1, abs=0.25)


def test_a_deterministic_sampler_draws_its_start_alone() -> None:
    x, drawn = torch.zeros(1, 1, 4, 4), []

    def counted() -> Iterator[torch.Tensor]:
        for noise in noise_like(x):
            drawn.append(noise)
            yield noise

    for eta, expected in ((0.0, 1), (0.5, 1 + 10)):
        drawn.clear()
        Schedule(100).sample(lambda x, step: 0.1 * x, counted(), 10, eta)
        assert len(drawn) == expected


def test_the_denoiser_sees_step_class_and_both_latents() -> None:
    torch.manual_seed(0)
    net = DenoisingUNet(2, 4, 2, DenoiserShape(8, (1, 2), (1,), 8, 4))
    assert net.stem.in_channels == 6
    x, condition, step, classes = (
        torch.randn(1, 2, 4, 8),
        torch.randn(1, 4, 4, 8),
        torch.tensor([3]),
        torch.tensor([0]),
    )
    out = net(x, step, condition, classes)
    assert out.shape == x.shape
    changed = condition.clone()
    changed[:, 2:] += 1  # the mapped latents
    for others in ((step + 5, condition, classes), (step, changed, classes), (step, condition, classes + 1)):
        assert not torch.allclose(out, net(x, *others), atol=1e-7)
