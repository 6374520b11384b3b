"""ALDM in two dimensions: its three phases, what each trains, and the classes of targets."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from transmodal import translators
from transmodal.batch import Batch
from transmodal.errors import UsageError
from transmodal.nets.meta import shapes_alone
from transmodal.translators.aldm.diffusion import DenoiserShape, DenoisingUNet
from transmodal.translators.aldm.spade import LatentMapper
from transmodal.translators.aldm.translator import ALDM

TINY: dict[str, Any] = {
    "width": 4, "stages": (1, 2), "codes": 16, "spade_width": 8, "spade_hidden": 4, "diffusion_width": 8,
    "multiples": (1, 2), "attention": (1,), "head_channels": 8, "groups": 4, "steps": 20, "sampler_steps": 3,
}  # fmt: skip
MOVED = {"autoencoder": "autoencoders.", "spade": "mapper.", "diffusion": "denoiser."}


def built(**changes: Any) -> ALDM:  # noqa: ANN401
    torch.manual_seed(0)
    translator = translators.build("aldm", {**TINY, **changes})
    assert isinstance(translator, ALDM)
    return translator


def batch_of(phase: str, n: int = 2, side: int = 16) -> Batch:
    image = torch.rand(n, 1, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return Batch(image, torch.ones(n, 1), -image, draw=torch.arange(n) + 5, phase=phase)


@pytest.mark.parametrize(("spread", "largest"), [(None, 1 / 512), (0.7, 0.7)])
def test_a_new_codebook_is_as_narrow_as_the_release_has_it_or_as_it_is_set(
    spread: float | None, largest: float
) -> None:
    codebook = built(codes=512, code_spread=spread).autoencoders.target.codebook.weight
    assert float(codebook.detach().abs().max()) == pytest.approx(largest, rel=0.01)
    assert float(codebook.detach().mean()) == pytest.approx(0, abs=largest / 10)


def test_reconstructions_are_not_bounded_and_translations_are() -> None:
    translator = built()
    with torch.no_grad():
        translator.autoencoders.target.head.bias.fill_(3.0)
        batch = batch_of("autoencoder")
        assert float(translator.synthesise(batch).prediction.mean()) == pytest.approx(3, abs=0.5)
        assert float(translator.eval()(batch.source, batch.available).max()) == 1.0


def test_each_phase_trains_its_part_alone() -> None:
    translator = built()
    for phase, moved in MOVED.items():
        translator.zero_grad(set_to_none=True)
        batch = batch_of(phase)
        outputs = translator.synthesise(batch)
        (player,) = translator.players(phase)
        torch.stack(list(translator.losses(player, batch, outputs).values())).sum().backward()
        reached = {name for name, parameter in translator.named_parameters() if parameter.grad is not None}
        assert reached
        assert all(name.startswith(moved) for name in reached), phase


def test_the_second_phase_maps_codes_of_the_source_to_codes_of_the_target() -> None:
    translator, batch = built(), batch_of("spade")
    outputs = translator.synthesise(batch)
    net = translator.autoencoders.target
    assert outputs.goal is not None
    torch.testing.assert_close(outputs.goal, net.encode(batch.paired()).code)
    expected = (outputs.prediction - outputs.goal).abs().mean()
    assert translator.losses("mapper", batch, outputs).keys() == {"latent"}
    torch.testing.assert_close(translator.losses("mapper", batch, outputs)["latent"], expected)


@pytest.mark.parametrize("predicts", ["noise", "clean"])
def test_the_third_phase_learns_what_its_prediction_is_to_be(predicts: str) -> None:
    translator, batch = built(predicts=predicts, latent_scale=1.0), batch_of("diffusion")
    outputs = translator.synthesise(batch)
    assert outputs.goal is not None
    clean = translator.autoencoders.target.encode(batch.paired()).code
    assert torch.allclose(outputs.goal, clean, atol=1e-6) == (predicts == "clean")
    loss = translator.losses("denoiser", batch, outputs)
    assert loss.keys() == {predicts}
    torch.testing.assert_close(loss[predicts], (outputs.prediction - outputs.goal).square().mean())


def test_translating_draws_from_the_seeds() -> None:
    translator = built().eval()
    batch = batch_of("diffusion")
    with torch.no_grad():
        first = translator(batch.source, batch.available, noise=torch.tensor([1, 2]))
        same = translator(batch.source[1:], batch.available[1:], noise=torch.tensor([2]))
        other = translator(batch.source, batch.available, noise=torch.tensor([3, 2]))
    torch.testing.assert_close(first[1:], same, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(first[0], other[0])
    torch.testing.assert_close(first[1], other[1], atol=1e-5, rtol=1e-4)


def test_latents_are_brought_to_the_noises_size() -> None:
    translator, batch = built(), batch_of("spade")
    latent = translator.autoencoders.target.encode(batch.paired()).code
    for _ in range(3):
        translator.synthesise(batch)
    assert float(translator.deviation) == pytest.approx(float(latent.detach().std()), rel=1e-4)
    clean = built(predicts="clean")
    clean.load_state_dict(translator.state_dict())
    outputs = clean.synthesise(batch_of("diffusion"))
    assert outputs.goal is not None
    assert float(outputs.goal.std()) == pytest.approx(1, rel=1e-3)
    assert int(clean.measured) == 3  # the third phase measures nothing


def test_the_mean_of_the_weights_translates() -> None:
    translator, batch = built(), batch_of("diffusion")
    for _ in range(4):
        translator.synthesise(batch)
    kept = {name: parameter.detach().clone() for name, parameter in translator.denoiser.named_parameters()}
    translator.eval()
    with torch.no_grad():
        before = translator(batch.source, batch.available)
        for parameter in translator.denoiser.parameters():
            parameter.add_(1.0)
        torch.testing.assert_close(translator(batch.source, batch.available), before)
        translator.synthesise(batch)  # not in training: nothing is followed
        torch.testing.assert_close(translator(batch.source, batch.available), before)
        translator.train()
        translator.synthesise(batch)
        after = {name: getattr(translator.average, name.replace(".", "__")) for name in kept}
    share = 1 - (1 + 5) / (10 + 5)
    for name, value in kept.items():
        torch.testing.assert_close(after[name], value + share)


def test_one_autoencoder_serves_both_where_it_can() -> None:
    assert built().autoencoders.shared
    for channels in ({"source_channels": (1, 1)}, {"target_channels": 3}, {"slab_depth": 3}):
        apart = built(**channels).autoencoders
        assert not apart.shared
        assert apart.source is not apart.target
    assert built(source_channels=(3,), target_channels=3).autoencoders.shared


def test_all_directions_are_learned_with_a_class_each() -> None:
    translator = built(directions="all")
    assert len(translator.mapper.blocks[0].norm1.parts) == 2  # type: ignore[union-attr, arg-type]
    assert translator.denoiser.classes.num_embeddings == 2
    batch = batch_of("spade", 8)
    goal = translator.synthesise(batch).goal
    assert goal is not None
    net = translator.autoencoders.target
    source, target = net.encode(batch.source).code, net.encode(batch.paired()).code
    turned = [bool(torch.allclose(goal[n], source[n], atol=1e-6)) for n in range(8)]
    assert 0 < sum(turned) < 8
    for n in range(8):
        torch.testing.assert_close(goal[n], source[n] if turned[n] else target[n])
    seen = []
    translator.mapper.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    translator.synthesise(batch)
    assert seen[0].tolist() == [0 if one else 1 for one in turned]
    translator.eval()(batch.source, batch.available)
    assert seen[1].tolist() == [1] * 8  # translating is to the task's target


def test_all_directions_need_images_alike() -> None:
    with pytest.raises(UsageError, match=r"settings\.directions=task") as refused:
        built(directions="all", target_channels=3)
    assert refused.value.code == "E004"


@pytest.mark.parametrize(
    "former", [{"halvings": 2}, {"heads": 8, "commitment": 0.25}, {"adversarial_weight": 0.1}]
)
def test_settings_and_checkpoints_of_the_former_two_phases_are_refused(former: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="autoencoder, spade, diffusion") as refused:
        translators.build("aldm", {"width": 16, **former})
    assert refused.value.code == "E004"
    assert next(iter(former)) in refused.value.got


@pytest.mark.parametrize("changes", [{"head_channels": 5}, {"attention": (2,)}])
def test_attention_that_does_not_fit_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        built(**changes)
    assert refused.value.code == "E001"


def test_the_released_size_is_recorded() -> None:
    """The counts are those of the released classes with their dimensions set to two."""
    with shapes_alone():
        translator = translators.build("aldm", {})
    players = {
        name: sum(parameter.numel() for parameter in module.parameters())
        for phase in translator.phases
        for name, module in translator.players(phase).items()
    }
    assert players == {"autoencoders": 2_204_909, "mapper": 2_311_492, "denoiser": 13_104_900}
    with shapes_alone():
        four = (
            LatentMapper(4, 4, 128, 64),
            DenoisingUNet(4, 8, 4, DenoiserShape(128, (1, 1, 2), (1, 2), 32, 32)),
        )
    assert [sum(one.numel() for one in net.parameters()) for net in four] == [6_361_228, 13_106_436]
