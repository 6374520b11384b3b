"""DDColor: counts, the colour decoder against plain statements, switches, terms, and what reaches whom."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from transmodal import translators
from transmodal.batch import Batch
from transmodal.errors import InputError, UsageError
from transmodal.nets.lab import rgb_to_lab
from transmodal.nets.meta import shapes_alone
from transmodal.nets.spectral import SpectralConv2d, iterate
from transmodal.translators._chroma import PERCEPTUAL
from transmodal.translators.ddcolor.translator import DDColor, QueryLayer, sine_positions

TINY: dict[str, Any] = {
    "width": 4, "depths": (1, 1, 1, 1), "features": 8, "queries": 5, "layers": 4, "hidden": 8, "heads": 2,
    "feedforward": 16, "perceptual_weight": 0.0, "discriminator_width": 4, "discriminator_blocks": 1,
    "target_channels": 3,
}  # fmt: skip


def built(**changes: Any) -> DDColor:  # noqa: ANN401
    torch.manual_seed(0)
    translator = translators.build("ddcolor", {**TINY, **changes})
    assert isinstance(translator, DDColor)
    return translator


def batch_of(n: int = 2, sides: tuple[int, int] = (32, 64)) -> Batch:
    generator = torch.Generator().manual_seed(1)
    source = torch.rand(n, 1, *sides, generator=generator) * 2 - 1
    colour = torch.rand(n, 3, *sides, generator=generator)
    return Batch(source, torch.ones(n, 1), colour, draw=torch.arange(n))


def count(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())


@pytest.mark.parametrize(
    ("settings", "known"), [({}, 55.0e6), ({"width": 192, "depths": (3, 3, 27, 3)}, 227.9e6)]
)
def test_sizes_are_the_known_ones(settings: dict[str, Any], known: float) -> None:
    with shapes_alone():
        translator = translators.build("ddcolor", settings)
    assert isinstance(translator, DDColor)
    assert count(translator.generator) == pytest.approx(known, rel=0.0005)
    assert count(built()) < 200_000


def test_the_source_is_the_lightness() -> None:
    translator, batch = built().eval(), batch_of()
    with torch.no_grad():
        nn.init.zeros_(translator.generator.head.weight)
        grey = translator(batch.source, batch.available)
        nn.init.constant_(translator.generator.head.bias, 5.0)  # type: ignore[arg-type]
        tinted = rgb_to_lab(translator(batch.source, batch.available))
    torch.testing.assert_close(rgb_to_lab(grey)[:, :1], 50 * (batch.source + 1), atol=0.05, rtol=0)
    inside = (batch.source[:, 0] > -0.6) & (batch.source[:, 0] < 0.6)
    torch.testing.assert_close(tinted[:, 1][inside], torch.full((int(inside.sum()),), 5.0), atol=0.1, rtol=0)


def test_positions_tell_rows_and_columns() -> None:
    h, w, channels = 3, 5, 8
    found = sine_positions(torch.zeros(2, 7, h, w), channels).reshape(h, w, channels)
    for row in range(h):
        for column in range(w):
            wanted = []
            for place, side in ((row, h), (column, w)):
                for n in range(channels // 4):
                    angle = 2 * math.pi * (place + 1) / side / 10000 ** (4 * n / channels)
                    wanted += [math.sin(angle), math.cos(angle)]
            torch.testing.assert_close(found[row, column], torch.tensor(wanted), atol=1e-5, rtol=0)


def test_a_layer_looks_at_the_map_then_at_one_another() -> None:
    torch.manual_seed(0)
    channels, heads = 6, 2
    layer = QueryLayer(channels, heads, 12)
    for one in layer.parameters():
        nn.init.normal_(one, std=0.5)
    queries, places, tokens, positions = (torch.randn(*s, channels) for s in ((1, 3), (3,), (1, 4), (4,)))

    def attend(
        part: nn.MultiheadAttention, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor
    ) -> torch.Tensor:
        weights, biases = part.in_proj_weight.chunk(3), part.in_proj_bias.chunk(3)
        parts = [F.linear(x, a, b) for x, a, b in zip((q, k, v), weights, biases, strict=True)]
        out = []
        for a, b, c in zip(*(one.chunk(heads, dim=-1) for one in parts), strict=True):
            scores = a @ b.mT / math.sqrt(channels // heads)
            out.append(scores.softmax(-1) @ c)
        return F.linear(torch.cat(out, dim=-1), part.out_proj.weight, part.out_proj.bias)

    x = layer.norms[0](queries + attend(layer.across, queries + places, tokens + positions, tokens))
    x = layer.norms[1](x + attend(layer.among, x + places, x + places, x))
    x = layer.norms[2](x + layer.perceptron(x))
    torch.testing.assert_close(layer(queries, places, tokens, positions), x, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("changes", "looks"),
    [({}, [0, 1, 2, 0]), ({"scales": 1}, [0, 0, 0, 0]), ({"layers": 2}, [0, 1]), ({"layers": 0}, [])],
)
def test_layers_look_at_maps_in_turn(changes: dict[str, Any], looks: list[int]) -> None:
    generator, seen = built(**changes).generator, list[int]()
    for layer in generator.colours.layers:
        layer.register_forward_hook(lambda _, given, __: seen.append(given[2].shape[1]))
    generator(batch_of(sides=(64, 64)).source)
    assert seen == [(4, 8, 16)[n] ** 2 for n in looks]
    assert len(generator.colours.projections) == len(set(looks))


def test_without_layers_every_image_has_the_same_colours() -> None:
    generator = built(layers=0).generator
    maps = [torch.rand(2, one, 2, 2) for one in generator.pixels.widths]
    colours = generator.colours(maps)
    assert colours.shape == (2, 5, 4)
    assert torch.equal(colours[0], colours[1])
    looking = built().generator.colours(maps)
    assert not torch.allclose(looking[0], looking[1])


def test_terms_and_whom_they_reach() -> None:
    translator, batch = built(perceptual_weight=2.0, vgg="random", vividness=1.0), batch_of()
    outputs = translator.synthesise(batch)
    assert translator.discriminator is not None
    assert batch.target is not None
    terms = translator.losses("generator", batch, outputs)
    assert set(terms) == {"chroma", "perceptual", "adversarial", "colourfulness"}
    apart = (outputs.chroma - rgb_to_lab(batch.target)[:, 1:]).abs().mean()
    torch.testing.assert_close(terms["chroma"], 0.1 * apart)
    verdicts = translator.discriminator(outputs.synthetic)
    torch.testing.assert_close(
        terms["adversarial"], F.binary_cross_entropy_with_logits(verdicts, torch.ones_like(verdicts))
    )
    found, wanted = (translator.frozen()["vgg"](one) for one in (outputs.synthetic, batch.target))
    distances = [(one - other).abs().mean() for one, other in zip(found, wanted, strict=True)]
    weighted = sum(weight * one for weight, one in zip(PERCEPTUAL, distances, strict=True))
    torch.testing.assert_close(terms["perceptual"], 2.0 * weighted)
    for name, term in terms.items():
        translator.zero_grad(set_to_none=True)
        torch.autograd.backward(term, retain_graph=True)
        assert all(one.grad is not None for one in translator.generator.parameters()), name
    translator.zero_grad(set_to_none=True)
    judged = translator.losses("discriminator", batch, outputs)
    on_real = translator.discriminator(batch.target)
    torch.testing.assert_close(
        judged["real"], F.binary_cross_entropy_with_logits(on_real, torch.ones_like(on_real))
    )
    torch.testing.assert_close(
        judged["synthetic"], F.binary_cross_entropy_with_logits(verdicts, torch.zeros_like(verdicts))
    )
    torch.autograd.backward(list(judged.values()))
    assert all(one.grad is None for one in translator.generator.parameters())
    assert all(one.grad is not None for one in translator.discriminator.parameters())


def test_a_vivid_target_is_for_the_judges_alone() -> None:
    batch = batch_of()
    plain, vivid = built(vividness=1.0), built(vividness=2.0)
    vivid.synthesise(batch)
    outputs = plain.synthesise(batch)
    for player, term, same in (
        ("generator", "chroma", True),
        ("discriminator", "real", False),
        ("discriminator", "synthetic", True),
    ):
        first, second = (one.losses(player, batch, outputs)[term] for one in (plain, vivid))
        assert torch.equal(first, second) == same, term


def test_switches() -> None:
    batch = batch_of()
    alone = built(adversarial_weight=0.0, colourfulness_weight=0.0)
    assert set(alone.players("train")) == {"generator"}
    assert alone.frozen() == {}
    assert set(alone.losses("generator", batch, alone.synthesise(batch))) == {"chroma"}


def test_losses_change_nothing_although_kernels_are_normalised() -> None:
    translator, batch = built().train(), batch_of()
    outputs = translator.synthesise(batch)
    before = {name: one.clone() for name, one in translator.state_dict().items()}
    for player in translator.players("train"):
        first, second = (translator.losses(player, batch, outputs) for _ in range(2))
        assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(torch.equal(one, before[name]) for name, one in translator.state_dict().items())


@pytest.mark.parametrize("changes", [{"hidden": 12, "heads": 5}, {"depths": (1, 0, 1, 1)}])
def test_what_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        built(**changes)
    assert refused.value.code == "E001"


def test_what_does_not_fit_is_refused() -> None:
    for changes in ({"source_channels": (1, 1)}, {"target_channels": 1}, {"slab_depth": 3}):
        with pytest.raises(UsageError, match="one grey source"):
            built(**changes)
    with pytest.raises(UsageError, match="sides of 64"):
        built().synthesise(batch_of(1))
    with pytest.raises(UsageError, match="sides of 64"):
        built(discriminator_blocks=3).synthesise(batch_of())
    with pytest.raises(UsageError, match="no pretrained weights"):
        built(perceptual_weight=1.0).frozen()["vgg"].check()


def test_a_batch_without_target_is_refused() -> None:
    translator, batch = built(), batch_of()
    outputs = translator.synthesise(batch)
    with pytest.raises(InputError, match="without target"):
        translator.losses("generator", batch._replace(target=None), outputs)


def test_power_iterations_are_carried_on_by_synthesise_alone_while_training() -> None:
    """By one step in the generator and three in the discriminator, as many as passes; losses change nothing."""
    translator, batch = built(), batch_of()

    def vectors() -> dict[str, torch.Tensor]:
        return {name: one.clone() for name, one in translator.state_dict().items() if name.endswith(".u")}

    with torch.no_grad():  # weights of their own, to which the vectors have not come yet
        for part in translator.modules():
            if isinstance(part, SpectralConv2d):
                part.weight.copy_(torch.randn_like(part.weight))
    wanted = copy.deepcopy(translator)
    iterate(wanted.generator, 1)
    assert wanted.discriminator is not None
    iterate(wanted.discriminator, 3)
    before = vectors()
    outputs = translator.train().synthesise(batch)
    after = vectors()
    assert before
    assert all(torch.equal(after[name], wanted.state_dict()[name]) for name in after)
    assert any(not torch.equal(after[name], before[name]) for name in after)
    for player in translator.players("train"):
        translator.losses(player, batch, outputs)
    translator.eval().synthesise(batch)
    translator(batch.source, batch.available)
    assert all(torch.equal(one, after[name]) for name, one in vectors().items())


@pytest.mark.parametrize("name", ["ddcolor", "colorformer"])
def test_what_was_made_without_memory_is_loaded_without_it(name: str) -> None:
    old = translators.completed(name, {})
    assert old["spectral"] == "restarted"
    with shapes_alone():
        ours, before = (
            translators.build(name, settings) for settings in ({"vgg": "random"}, {**old, "vgg": "random"})
        )
    assert not [key for key in before.state_dict() if key.endswith((".u", ".v"))]
    kept = [key for key in ours.state_dict() if key.endswith((".u", ".v"))]
    assert set(ours.state_dict()) - set(before.state_dict()) == set(kept)
    assert any(key.startswith("generator.") for key in kept)
    assert any(key.startswith("discriminator.") for key in kept)
