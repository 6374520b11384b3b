"""ResViT: counts, shared transformers, and two phases of which the first leaves transformers alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from transmodal import translators
from transmodal.batch import Batch
from transmodal.errors import UsageError
from transmodal.nets.meta import shapes_alone
from transmodal.nets.vit import MapTransformer, Positions
from transmodal.translators.resvit import ResViT

TINY: dict[str, Any] = {
    "width": 4, "blocks": 3, "transformer_blocks": (0, 2), "depth": 2, "channels": 16, "heads": 2, "side": 2,
}  # fmt: skip


def built(**changes: Any) -> ResViT:  # noqa: ANN401
    torch.manual_seed(0)
    translator = translators.build("resvit", {**TINY, **changes})
    assert isinstance(translator, ResViT)
    return translator


def batch_of(phase: str, n: int = 2, side: int = 32) -> Batch:
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(n, 1, side, side, generator=generator) * 2 - 1
    return Batch(image, torch.ones(n, 1), -image, draw=torch.arange(n), phase=phase)


def count(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())


def test_sizes_are_the_known_ones() -> None:
    with shapes_alone():
        whole = translators.build("resvit", {})
        convolutional = translators.build("resvit", {"transformers": False})
    assert count(whole.players("transformer")["generator"]) == pytest.approx(123.44e6, rel=0.005)
    assert count(whole.players("cnn")["generator"]) == pytest.approx(11.37e6, rel=0.005)
    assert count(convolutional.players("cnn")["generator"]) == pytest.approx(11.37e6, rel=0.005)
    assert convolutional.phases == ("cnn",)


def test_transformers_share_their_weights_on_request() -> None:
    shared, apart = built(), built(shared=False)
    assert len(shared.generator.transformers) == 1
    assert len(apart.generator.transformers) == 2
    one = count(shared.generator.transformers[0])
    assert count(apart.generator) == count(shared.generator) + one


def test_the_first_phase_is_the_convolutions_alone() -> None:
    translator = built()
    before = {name: one.clone() for name, one in translator.generator.named_parameters()}
    batch = batch_of("cnn")
    optimizer = torch.optim.Adam(translator.players("cnn")["generator"].parameters(), 1e-2)
    outputs = translator.synthesise(batch)
    torch.stack(list(translator.losses("generator", batch, outputs).values())).sum().backward()
    optimizer.step()
    moved = {
        name for name, one in translator.generator.named_parameters() if not torch.equal(one, before[name])
    }
    assert moved
    assert all(name.startswith("convolutions.") for name in moved)
    reached = [one for one in translator.generator.paths.parameters() if one.grad is not None]
    assert reached == []


def test_the_second_phase_begins_with_a_new_discriminator() -> None:
    """Drawn from torch's generator as it stands; the generator and everything else stays."""
    translator = built()
    before = {name: one.clone() for name, one in translator.state_dict().items()}
    torch.manual_seed(7)
    translator.begin("transformer")
    after = translator.state_dict()
    judges = {name for name in after if name.startswith("discriminator.") and name.endswith("weight")}
    assert judges
    assert {name for name in after if not torch.equal(after[name], before[name])} >= judges
    assert all(
        torch.equal(after[name], before[name]) for name in after if not name.startswith("discriminator.")
    )
    torch.manual_seed(7)
    again = built()
    torch.manual_seed(7)
    again.begin("transformer")
    assert all(torch.equal(one, after[name]) for name, one in again.state_dict().items() if name in judges)

    kept = built(fresh_discriminator=False)
    kept.begin("transformer")
    assert all(torch.equal(one, before[name]) for name, one in kept.state_dict().items())


def test_the_discriminator_steps_first_in_both_phases() -> None:
    for phase in ("cnn", "transformer"):
        assert list(built().players(phase)) == ["discriminator", "generator"]


def test_the_second_phase_reaches_everything_and_changes_the_output() -> None:
    translator = built()
    batch = batch_of("cnn")
    plain = translator.synthesise(batch)
    joined = translator.synthesise(batch._replace(phase="transformer"))
    assert not torch.allclose(plain.synthetic, joined.synthetic, atol=1e-4)
    torch.stack(list(translator.losses("generator", batch, joined).values())).sum().backward()
    assert all(one.grad is not None for one in translator.generator.parameters())


def test_which_phase_weights_are_of_travels_with_them() -> None:
    translator = built().eval()
    batch = batch_of("transformer")
    with torch.no_grad():
        translator.synthesise(batch)
        other = built().eval()
        other.load_state_dict(translator.state_dict())
        assert torch.equal(other(batch.source, batch.available), translator(batch.source, batch.available))
        fresh = built().eval()
        assert not torch.equal(
            fresh(batch.source, batch.available), translator(batch.source, batch.available)
        )


def test_terms_are_weighted() -> None:
    batch = batch_of("cnn")
    translator = built(l1_weight=3.0, adversarial_weight=0.5).eval()
    outputs = translator.synthesise(batch)
    terms = translator.losses("generator", batch, outputs)
    assert batch.target is not None
    torch.testing.assert_close(terms["l1"], 3.0 * (outputs.synthetic - batch.target).abs().mean())
    plain = built(l1_weight=3.0).eval().losses("generator", batch, outputs)
    torch.testing.assert_close(terms["adversarial"], 0.5 * plain["adversarial"])


def test_positions_fit_other_sides() -> None:
    positions = Positions(3, 4)
    x = torch.zeros(1, 3, 4, 4)
    assert torch.equal(positions(x), positions.table)
    wide = positions(torch.zeros(1, 3, 4, 8))
    assert wide.shape == (1, 3, 4, 8)
    torch.testing.assert_close(wide.mean(), positions.table.mean(), atol=5e-3, rtol=0.5)


def test_a_transformer_is_permuted_as_its_tokens_are() -> None:
    torch.manual_seed(0)
    transformer = MapTransformer(8, 2, 2).eval()
    x = torch.randn(1, 8, 3, 4)
    order = torch.randperm(12)
    mixed = x.flatten(2)[..., order].reshape(x.shape)
    with torch.no_grad():
        torch.testing.assert_close(
            transformer(mixed).flatten(2), transformer(x).flatten(2)[..., order], atol=1e-5, rtol=1e-4
        )
    first, second = transformer.layers.layers
    assert not torch.equal(first.linear1.weight, second.linear1.weight)


@pytest.mark.parametrize(
    "changes", [{"transformer_blocks": (0, 3)}, {"transformer_blocks": (1, 1)}, {"channels": 15}]
)
def test_what_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        built(**changes)
    assert refused.value.code == "E001"


def test_small_windows_are_refused_by_the_discriminator() -> None:
    with pytest.raises(UsageError, match="sides of 24"):
        built().synthesise(batch_of("cnn", side=16))
