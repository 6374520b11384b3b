"""TransUNet: counts, weight standardisation, what each switch changes, who learns from what."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from conditional_gan_terms import check_terms
from small_batches import batch_of, count
from transmodal import translators
from transmodal.errors import UsageError
from transmodal.nets.meta import shapes_alone
from transmodal.translators.transunet import Bottleneck, StandardisedConv2d, TransUNet, three_channels

TINY: dict[str, Any] = {
    "width": 4, "blocks": (1, 2, 1), "depth": 2, "channels": 16, "heads": 2, "side": 2,
}  # fmt: skip


def built(**changes: Any) -> TransUNet:  # noqa: ANN401
    torch.manual_seed(0)
    translator = translators.build("transunet", {**TINY, **changes})
    assert isinstance(translator, TransUNet)
    return translator


def test_sizes_are_the_known_ones() -> None:
    with shapes_alone():
        whole = translators.build("transunet", {}).players("train")
    assert count(whole["generator"]) == pytest.approx(105.32e6, rel=0.005)
    assert count(whole["discriminator"]) == pytest.approx(2.765e6, rel=0.005)
    assert count(built()) < 200_000


def test_weights_are_standardised_per_output_channel() -> None:
    torch.manual_seed(0)
    conv = StandardisedConv2d(3, 5, 3, 2, 1, bias=False)
    x = torch.randn(2, 3, 8, 8)
    rows = conv.weight.flatten(1)
    wanted = (rows - rows.mean(1, keepdim=True)) / torch.sqrt(rows.var(1, correction=0, keepdim=True) + 1e-5)
    torch.testing.assert_close(conv(x), F.conv2d(x, wanted.reshape(conv.weight.shape), stride=2, padding=1))
    before = conv(x)
    with torch.no_grad():
        conv.weight.add_(3.0)
    torch.testing.assert_close(conv(x), before, atol=1e-4, rtol=1e-4)


def test_a_bottleneck_without_its_path_is_its_shortcut() -> None:
    block = Bottleneck(16, 16, 1)
    x = torch.randn(1, 16, 4, 4)
    for one in block.path[-1].parameters():
        nn.init.zeros_(one)
    torch.testing.assert_close(block(x), torch.relu(x))
    assert isinstance(Bottleneck(8, 16, 1).shortcut, nn.Sequential)
    assert Bottleneck(16, 32, 2)(x).shape == (1, 32, 2, 2)


def test_sources_get_three_channels() -> None:
    one, two, four = torch.randn(1, 1, 2, 2), torch.randn(1, 2, 2, 2), torch.randn(1, 4, 2, 2)
    assert torch.equal(three_channels(one), torch.cat([one, one, one], dim=1))
    assert torch.equal(three_channels(two), torch.cat([two, torch.zeros(1, 1, 2, 2)], dim=1))
    assert torch.equal(three_channels(four), four)


def test_the_maps_halve_at_each_step() -> None:
    generator = built().generator
    seen: list[tuple[int, ...]] = []
    for part in (generator.root, *generator.stages, *generator.ups):
        part.register_forward_hook(lambda _part, _given, out: seen.append(tuple(out.shape[1:])))
    generator(torch.zeros(2, 1, 32, 48))
    assert seen == [
        (4, 16, 24), (16, 8, 12), (32, 4, 6), (64, 2, 3),
        (16, 4, 6), (8, 8, 12), (4, 16, 24), (1, 32, 48),
    ]  # fmt: skip


def test_the_transformer_alone_sees_far() -> None:
    reach = {}
    for depth in (0, 2):
        # In evaluation, and without group norm, nothing but attention reaches across 256 pixels.
        generator = built(depth=depth, blocks=(1, 1, 1)).generator.eval()
        for part in list(generator.modules()):
            for name, inner in part.named_children():
                if isinstance(inner, nn.GroupNorm):
                    setattr(part, name, nn.Identity())
        source = torch.rand(1, 1, 32, 512, requires_grad=True)
        generator.widen(generator.transformer(_tokens(generator, source)))[..., 0].sum().backward()
        assert source.grad is not None
        reach[depth] = float(source.grad[..., 256:].abs().max())
    assert reach[0] == 0.0
    assert reach[2] > 0.0


def _tokens(generator: nn.Module, source: torch.Tensor) -> torch.Tensor:
    x = generator.pool(generator.root(three_channels(source)))  # type: ignore[operator]
    for stage in generator.stages:  # type: ignore[union-attr]
        x = stage(x)
    tokens: torch.Tensor = generator.positions(generator.embed(x))  # type: ignore[operator]
    return tokens


def test_skips_can_be_left_out() -> None:
    with_skips, without = built(), built(skips=False)
    spared = 9 * (32 * 16 + 16 * 8 + 4 * 4)
    assert count(with_skips.generator) - count(without.generator) == spared
    assert without.synthesise(batch_of()).synthetic.shape == (2, 1, 32, 32)


def test_terms_reach_their_player_and_are_weighted() -> None:
    check_terms(built(l1_weight=3.0, adversarial_weight=0.5), batch_of())


@pytest.mark.parametrize("changes", [{"blocks": (1, 0, 1)}, {"channels": 15}, {"width": 2}])
def test_what_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        built(**changes)
    assert refused.value.code == "E001"


def test_small_windows_are_refused_by_the_discriminator() -> None:
    with pytest.raises(UsageError, match="sides of 24"):
        built().synthesise(batch_of(side=16))
