"""Swin-Unet: counts, expanding, switches, who learns from what."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from conditional_gan_terms import check_terms
from small_batches import batch_of, count
from transmodal import translators
from transmodal.errors import UsageError
from transmodal.nets.meta import shapes_alone
from transmodal.translators.swin_unet import Expand, SwinUNet

TINY: dict[str, Any] = {
    "width": 8, "depths": (2, 2, 2), "heads": (1, 2, 4), "window": 4, "discriminator_width": 4,
}  # fmt: skip


def built(**changes: Any) -> SwinUNet:  # noqa: ANN401
    torch.manual_seed(0)
    translator = translators.build("swin_unet", {**TINY, **changes})
    assert isinstance(translator, SwinUNet)
    return translator


def test_sizes_are_the_known_ones() -> None:
    with shapes_alone():
        whole = translators.build("swin_unet", {}).players("train")
        seven = translators.build("swin_unet", {"window": 7}).players("train")
    assert count(whole["generator"]) == pytest.approx(27.18e6, rel=0.0005)
    assert count(seven["generator"]) == pytest.approx(27.17e6, rel=0.0005)
    assert count(built()) < 200_000


def test_expanding_places_four_tokens() -> None:
    expand = Expand(4, 2, 1)
    expand.norm, expand.linear = nn.Identity(), nn.Identity()  # type: ignore[assignment]
    token = torch.tensor([1.0, 2.0, 3.0, 4.0]).reshape(1, 1, 1, 4)
    assert expand(token)[0, ..., 0].tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_windows_are_shifted_on_request() -> None:
    batch = batch_of()
    shifted, fixed = built(), built(shifted=False)
    assert count(shifted) == count(fixed)
    assert not torch.allclose(
        shifted.synthesise(batch).synthetic, fixed.synthesise(batch).synthetic, atol=1e-6
    )


def test_skips_are_of_stages_outputs_or_inputs() -> None:
    """The way up is joined with what each stage gives, as in the paper's figure, or with what it gets."""
    source = batch_of().source
    for skips, given in (("output", 1), ("input", 0), (True, 1)):
        generator = built(skips=skips).generator
        passed: list[tuple[torch.Tensor, torch.Tensor]] = []
        joined: list[torch.Tensor] = []
        for stage in generator.down[:-1]:
            stage.register_forward_hook(lambda _, x, y, to=passed: to.append((x[0], y)))
        for join in generator.joins:
            join.register_forward_hook(lambda _, x, y, to=joined: to.append(x[0]))
        generator(source)
        for maps, x in zip(passed, reversed(joined), strict=True):
            assert torch.equal(x[..., x.shape[-1] // 2 :], maps[given])
    assert count(built(skips="input")) == count(built())


@pytest.mark.parametrize("none", ["none", False])
def test_skips_can_be_left_out(none: object) -> None:
    with_skips, without = built(), built(skips=none)
    assert count(with_skips.generator) - count(without.generator) == 8 * 8 + 16 * 16
    assert without.synthesise(batch_of()).synthetic.shape == (2, 1, 32, 32)


def test_terms_reach_their_player_and_are_weighted() -> None:
    check_terms(built(l1_weight=3.0, adversarial_weight=0.5), batch_of())


@pytest.mark.parametrize("changes", [{"heads": (1, 2)}, {"heads": (3, 2, 4)}, {"depths": (2, 0, 2)}])
def test_what_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        built(**changes)
    assert refused.value.code == "E001"


def test_small_windows_are_refused_by_the_discriminator() -> None:
    with pytest.raises(UsageError, match="sides of 24"):
        built().synthesise(batch_of(side=16))
