"""Every loss leaves autocast: it gives the very same figure inside and outside."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from transmodal import losses
from transmodal.losses import (
    adversarial,
    conditional_gan,
    deformation,
    logistic,
    neighbourhood,
    perceptual,
    regression,
    structure,
)
from transmodal.translators.aldm.vq import Coded, codebook_terms
from transmodal.translators.chromagan import gradient_penalty
from transmodal.translators.ddcolor import colourfulness
from transmodal.translators.macro2micro import frequency
from transmodal.translators.ppt import contrastive


def images(seed: int, channels: int = 1) -> Tensor:
    """Return bright, nearly flat images: their variance is far below the rounding of their squares in bfloat16."""
    noise = torch.rand(2, channels, 24, 24, generator=torch.Generator().manual_seed(seed))
    return 0.9 + 0.01 * noise


X, Y, COLOUR = images(0), images(1), images(2, 3)
TOKENS = normalize(torch.rand(2, 12, 8, generator=torch.Generator().manual_seed(3)), dim=2)
CODED = Coded(X.bfloat16(), Y.bfloat16(), Y)
LABELS = torch.zeros(2, 24, 24, dtype=torch.int64)

Computed = Callable[[], object]
CASES: dict[str, Computed] = {
    "adversarial.discriminator_halves": lambda: adversarial.discriminator_halves(X, Y, "vanilla"),
    "adversarial.least_squares": lambda: adversarial.least_squares(X, real=True),
    "adversarial.least_squares_discriminator": lambda: adversarial.least_squares_discriminator(X, Y),
    "adversarial.verdict": lambda: adversarial.verdict(X, real=True, gan="vanilla"),
    "colour.colourlessness": lambda: colourfulness.colourlessness(COLOUR),
    "colour.vivid": lambda: colourfulness.vivid(COLOUR, 1.2),
    "conditional_gan.discriminator_terms": lambda: conditional_gan.discriminator_terms(torch.mean, X, X, Y),
    "conditional_gan.generator_terms": lambda: conditional_gan.generator_terms(
        torch.mean, X, X, Y, l1_weight=100
    ),
    "contrastive.focal_nce": lambda: contrastive.focal_nce(TOKENS, TOKENS),
    "contrastive.gaussian_pyramid": lambda: contrastive.gaussian_pyramid(X, 3),
    "contrastive.patch_distance": lambda: contrastive.patch_distance(X, Y),
    "contrastive.pyramid_distance": lambda: contrastive.pyramid_distance(X, Y, 3),
    "deformation.roughness": lambda: deformation.roughness(COLOUR),
    "frequency.bands": lambda: frequency.bands(X),
    "frequency.frequency_loss": lambda: frequency.frequency_loss(X, X - Y, Y),
    "logistic.logistic": lambda: logistic.logistic(X, real=False),
    "neighbourhood.mind": lambda: neighbourhood.mind(X),
    "neighbourhood.structure_distance": lambda: neighbourhood.structure_distance(X, (Y,), torch.ones(2, 1)),
    "perceptual.perceptual_l1": lambda: perceptual.perceptual_l1(lambda x: [x], X, Y, [0.5]),
    "perceptual.perceptual_loss": lambda: perceptual.perceptual_loss(lambda x: [x], X, Y),
    "regression.cross_entropy": lambda: regression.cross_entropy(COLOUR, LABELS),
    "regression.deep_mae": lambda: regression.deep_mae((X, X[..., ::2, ::2]), Y, torch.ones_like(X)),
    "regression.masked_mae": lambda: regression.masked_mae(X, Y, torch.ones_like(X)),
    "regression.smooth_absolute": lambda: regression.smooth_absolute(X, Y),
    "regression.squared": lambda: regression.squared(X, Y),
    "structure.ssim_loss": lambda: structure.ssim_loss(X, Y, 2.0),
    "nets.vq.codebook_terms": lambda: codebook_terms(CODED, 1.0, 0.25),
    "translators.chromagan.gradient_penalty": lambda: gradient_penalty(CRITIC, X, COLOUR[:, :2]),
}
torch.manual_seed(0)
CRITIC = torch.nn.Conv2d(3, 1, 3)


def flat(value: object) -> list[Tensor]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [one for part in value for one in flat(part)]
    assert isinstance(value, Tensor)
    return [value]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", CASES)
def test_a_loss_is_the_same_under_autocast(name: str, dtype: torch.dtype) -> None:
    exact = flat(CASES[name]())
    with torch.autocast("cpu", dtype):
        mixed = flat(CASES[name]())
    for one, other in zip(exact, mixed, strict=True):
        assert other.dtype == torch.float32
        assert torch.equal(one, other), name


def test_every_loss_is_tried() -> None:
    public = set()
    for module in pkgutil.iter_modules(losses.__path__):
        loaded = importlib.import_module(f"transmodal.losses.{module.name}")
        public |= {
            f"{module.name}.{name}"
            for name, one in vars(loaded).items()
            if inspect.isfunction(one) and one.__module__ == loaded.__name__ and not name.startswith("_")
        }
    assert public <= set(CASES), f"give CASES a call of {sorted(public - set(CASES))}"


def test_variance_of_a_bright_image_is_not_negative() -> None:
    """SSIM of nearly flat images under autocast: in bfloat16 the sum of the variances turned negative."""
    with torch.autocast("cpu", torch.bfloat16):
        value = structure.ssim_loss(X, X + 0.001 * torch.rand_like(X), 2.0)
    assert 0 <= float(value) < 1e-3
