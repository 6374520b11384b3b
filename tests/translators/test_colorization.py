"""Colorization: what the paper and its released code fix."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal import translators
from transmodal.batch import Batch
from transmodal.errors import InputError, UsageError
from transmodal.nets.meta import shapes_alone
from transmodal.translators.colorization.config import Config
from transmodal.translators.colorization.fusion import SqueezeExcite
from transmodal.translators.colorization.structure import windowed_ssim
from transmodal.translators.colorization.translator import Colorization

TINY: dict[str, Any] = {
    "width": 4,
    "blocks": 2,
    "segmenter_width": 4,
    "discriminator_width": 4,
    "classes": 3,
}


def millions(module: nn.Module | None) -> float:
    assert module is not None
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


def build(**settings: Any) -> Colorization:  # noqa: ANN401
    torch.manual_seed(1)
    made = translators.build("colorization", {**TINY, **settings})
    assert isinstance(made, Colorization)
    return made.train()


def batch_of(phase: str = "translate", side: int = 32) -> Batch:
    generator = torch.Generator().manual_seed(7)
    return Batch(
        torch.rand(2, 1, side, side + 4, generator=generator) * 2 - 1,
        torch.ones(2, 1),
        torch.rand(2, 3, side, side + 4, generator=generator),
        segmentation=torch.randint(0, 3, (2, side, side + 4), generator=generator),
        phase=phase,
    )


def reached(term: Tensor, module: nn.Module) -> bool:
    parameters = list(module.parameters())
    found = torch.autograd.grad(term, parameters, retain_graph=True, allow_unused=True)
    return any(one is not None and bool(one.abs().max() > 0) for one in found)


@pytest.mark.parametrize(
    ("settings", "to_colour", "to_mr"),
    [
        ({"decoder_link": "none"}, 5.808, 4.017),
        ({"decoder_link": "none", "se_residual": "conv"}, 90.761, 46.493),
        ({"preset": "paper_code"}, 4.015, 4.017),
        ({"preset": "paper_code", "se_residual": "conv"}, 46.491, 46.493),
    ],
)
def test_generators_at_the_papers_width(settings: dict[str, Any], to_colour: float, to_mr: float) -> None:
    with shapes_alone():
        generators = translators.build("colorization", settings).generators
    assert millions(generators.to_colour) == pytest.approx(to_colour, abs=6e-4)
    assert millions(generators.to_mr) == pytest.approx(to_mr, abs=6e-4)


def test_the_other_networks_at_the_papers_width() -> None:
    with shapes_alone():
        whole = translators.build("colorization", {})
    assert millions(whole.generators.to_colour) == pytest.approx(5.808 + 0.044, abs=6e-4)
    assert millions(whole.generators.to_colour.links) == pytest.approx(0.04396, abs=6e-6)
    assert millions(whole.discriminators.mr) == pytest.approx(0.659, abs=6e-4)
    assert millions(whole.discriminators.colour) == pytest.approx(0.661, abs=6e-4)
    assert millions(whole.segmenter) == pytest.approx(31.04, abs=6e-3)


@pytest.mark.parametrize("link", ["se_skip", "none"])
def test_the_colour_decoder_learns_from_the_organ_decoder_only_where_linked(link: str) -> None:
    translator = build(decoder_link=link)
    outputs = translator.synthesise(batch_of())
    assert outputs.organs is not None
    organs = translator.generators.to_colour.organs
    colour = translator.generators.to_colour.colour
    assert reached(outputs.synthetic.sum(), organs.body) == (link == "se_skip")
    assert not reached(outputs.synthetic.sum(), organs.head)
    assert reached(outputs.organs.sum(), organs)
    assert not reached(outputs.organs.sum(), colour)
    assert not torch.equal(outputs.synthetic, outputs.organs)


def test_one_shared_decoder_gives_one_image() -> None:
    outputs = build(decoder_link="shared").synthesise(batch_of())
    assert outputs.organs is outputs.synthetic


@pytest.mark.parametrize("settings", [{}, {"decoder_link": "none"}, {"decoder_link": "shared"}])
def test_translating_is_what_training_judges(settings: dict[str, Any]) -> None:
    translator, batch = build(**settings), batch_of()
    torch.testing.assert_close(translator(batch.source, batch.available), translator.synthesise(batch)[0])


def test_terms_by_hand() -> None:
    translator, batch = build(), batch_of()
    outputs = translator.synthesise(batch)
    assert batch.target is not None
    assert batch.segmentation is not None
    assert outputs.mr is not None
    assert outputs.organs is not None
    terms = translator.losses("generator", batch, outputs)
    m, c, generators = (batch.source + 1) / 2, batch.target, translator.generators
    mean = torch.full((1, 3, 1, 1), 1 / 3)
    back, forth = generators.to_mr(outputs.synthetic), generators.to_colour(generators.to_mr(c))
    logits = copy.deepcopy(translator.segmenter).eval()(outputs.organs)  # type: ignore[union-attr]
    right = logits.log_softmax(dim=1).gather(1, batch.segmentation[:, None])
    assert translator.discriminators is not None
    expected = {
        "adversarial_colour": ((translator.discriminators.colour(outputs.synthetic) - 1) ** 2).mean(),
        "adversarial_mr": ((translator.discriminators.mr(generators.to_mr(c)) - 1) ** 2).mean(),
        "cycle_mr": 10 * (back - m).abs().mean(),
        "cycle_colour": 10 * (forth - c).abs().mean(),
        "structure": windowed_ssim(F.conv2d(outputs.synthetic, mean), m),
        "segmentation": -right.mean(),
        "organs": windowed_ssim(outputs.organs, c),
        "mr_structure": windowed_ssim(outputs.mr, F.conv2d(c, mean)),
    }
    assert set(terms) == set(expected)
    for name, value in expected.items():
        assert terms[name].item() == pytest.approx(value.item(), rel=1e-4), name
    judged = translator.losses("discriminator", batch, outputs)
    verdicts = translator.discriminators.mr(m), translator.discriminators.mr(outputs.mr)
    assert judged["mr_real"].item() == pytest.approx(0.5 * ((verdicts[0] - 1) ** 2).mean().item(), rel=1e-4)
    assert judged["mr_synthetic"].item() == pytest.approx(0.5 * (verdicts[1] ** 2).mean().item(), rel=1e-4)
    assert set(judged) == {"colour_real", "colour_synthetic", "mr_real", "mr_synthetic"}


def test_which_term_reaches_which_network() -> None:
    translator, batch = build(decoder_link="none"), batch_of()
    terms = translator.losses("generator", batch, translator.synthesise(batch))
    dual, to_mr = translator.generators.to_colour, translator.generators.to_mr
    assert to_mr is not None
    networks = {"encoder": dual.encoder, "colour": dual.colour, "organs": dual.organs, "to_mr": to_mr}
    expected = {
        "adversarial_colour": {"encoder", "colour"},
        "adversarial_mr": {"to_mr"},
        "cycle_mr": {"encoder", "colour", "to_mr"},
        "cycle_colour": {"encoder", "colour", "to_mr"},
        "structure": {"encoder", "colour"},
        "segmentation": {"encoder", "organs"},
        "organs": {"encoder", "organs"},
        "mr_structure": {"to_mr"},
    }
    for name, term in terms.items():
        assert {key for key, net in networks.items() if reached(term, net)} == expected[name], name


def test_discriminators_do_not_teach_generators() -> None:
    translator, batch = build(), batch_of()
    assert translator.discriminators is not None
    for name, term in translator.losses("discriminator", batch, translator.synthesise(batch)).items():
        assert not reached(term, translator.generators)
        own = name.split("_")[0]
        assert reached(term, translator.discriminators.colour) == (own == "colour")
        assert reached(term, translator.discriminators.mr) == (own == "mr")


def test_the_segmenter_learns_in_its_own_phase_alone() -> None:
    translator = build()
    assert translator.segmenter is not None
    assert list(translator.players("segmenter")) == ["segmenter"]
    assert list(translator.players("translate")) == ["generator", "discriminator"]
    assert translator.preparatory == {"segmenter"}
    before = copy.deepcopy(translator.segmenter.state_dict())
    translate = batch_of()
    translator.losses("generator", translate, translator.synthesise(translate))
    assert all(torch.equal(one, before[key]) for key, one in translator.segmenter.state_dict().items())
    assert translator.segmenter.training
    batch = batch_of("segmenter")
    outputs = translator.synthesise(batch)
    assert not torch.equal(translator.segmenter.first[1].running_mean, before["first.1.running_mean"])
    term = translator.losses("segmenter", batch, outputs)["segmentation"]
    assert batch.segmentation is not None
    assert outputs.logits is not None
    assert term.item() == pytest.approx(F.cross_entropy(outputs.logits, batch.segmentation).item())
    assert reached(term, translator.segmenter)
    assert not reached(term, translator.generators)


def test_the_segmenter_finds_labels_in_colours() -> None:
    translator = build()
    bands = (torch.arange(36) // 4 % 3).expand(2, 32, 36)
    batch = batch_of("segmenter")._replace(segmentation=bands)
    tones = torch.tensor([[0.1, 0.1, 0.1], [0.9, 0.2, 0.2], [0.9, 0.9, 0.6]])
    batch = batch._replace(target=tones[bands].permute(0, 3, 1, 2))
    optimizer = torch.optim.Adam(translator.players("segmenter")["segmenter"].parameters(), 1e-2)
    values = []
    for _ in range(40):
        term = translator.losses("segmenter", batch, translator.synthesise(batch))["segmentation"]
        optimizer.zero_grad()
        term.backward()
        optimizer.step()
        values.append(term.item())
    assert values[-1] < 0.4 * values[0]


ALL = {
    "adversarial_colour",
    "adversarial_mr",
    "cycle_mr",
    "cycle_colour",
    "structure",
    "segmentation",
    "organs",
    "mr_structure",
}


@pytest.mark.parametrize(
    ("key", "gone"),
    [
        ("adversarial_weight", {"adversarial_colour", "adversarial_mr"}),
        ("cycle_weight", {"cycle_mr", "cycle_colour"}),
        ("structure_weight", {"structure"}),
        ("segmentation_weight", {"segmentation"}),
        ("organ_weight", {"organs"}),
        ("mr_structure_weight", {"mr_structure"}),
    ],
)
def test_each_term_has_one_key(key: str, gone: set[str]) -> None:
    batch = batch_of()
    for value in (0.0, 3.0):
        translator = build(**{key: value})
        terms = translator.losses("generator", batch, translator.synthesise(batch))
        if value == 0:
            assert set(terms) == ALL - gone
            continue
        plain = build()
        usual = plain.losses("generator", batch, plain.synthesise(batch))
        for name in gone:
            factor = 0.3 if key == "cycle_weight" else 3.0
            assert terms[name].item() == pytest.approx(factor * usual[name].item(), rel=1e-4)


def test_without_a_term_its_networks_are_not_there() -> None:
    plain = build(segmentation_weight=0)
    assert plain.segmenter is None
    assert plain.phases == ("translate",)
    assert plain.needs == {"target"}
    assert not plain.preparatory
    assert not plain.batch_coupled
    assert build().needs == {"target", "segmentation"}
    plain.synthesise(batch_of()._replace(segmentation=None))
    assert list(build(adversarial_weight=0).players("translate")) == ["generator"]
    nothing_back = {"adversarial_weight": 0, "cycle_weight": 0, "mr_structure_weight": 0}
    assert build(**nothing_back).generators.to_mr is None
    single = build(segmentation_weight=0, organ_weight=0)
    assert not hasattr(single.generators.to_colour, "organs")
    assert single.synthesise(batch_of()).organs is None


def test_presets_give_way_to_settings() -> None:
    code = Config(preset="paper_code")
    assert (code.decoder_link, code.se_residual, code.mr_structure_weight) == ("shared", "se", 0)
    assert code.discriminator_pool == "scalar"
    own = Config(preset="paper_code", mr_structure_weight=0.5, decoder_link="none")
    assert (own.decoder_link, own.mr_structure_weight) == ("none", 0.5)
    assert Config.model_validate(own.model_dump(mode="json")) == own
    paper = Config()
    assert (paper.decoder_link, paper.mr_structure_weight, paper.width) == ("se_skip", 1, 128)


def test_squeeze_and_multiscale_leave_their_parameters_out() -> None:
    names = [name for name, _ in build().generators.named_parameters()]
    without = [name for name, _ in build(squeeze=False).generators.named_parameters()]
    assert set(names) - set(without) == {name for name in names if "squeeze" in name or "excite" in name}
    without = [name for name, _ in build(multiscale=False).generators.named_parameters()]
    assert set(names) - set(without) == {name for name in names if "smaller" in name}
    assert build(squeeze=False).generators.to_colour.links is not None


def test_channels_are_squeezed_by_the_ratio_in_blocks_and_links_of_both_ways() -> None:
    """One setting reaches them all; the paper's ratio is the default, and few channels are left eight."""
    for settings, between in (
        ({}, {8}),
        ({"squeeze_least": 1}, {1}),
        ({"squeeze_reduction": 2, "squeeze_least": 1}, {8, 4, 2}),
        ({"squeeze_reduction": 1, "squeeze_least": 1}, {16, 8, 4}),
    ):
        generators = build(**settings).generators
        squeezes = [module for module in generators.modules() if isinstance(module, SqueezeExcite)]
        assert len(squeezes) == 3 * TINY["blocks"] + 3
        assert {squeeze.squeeze.out_features for squeeze in squeezes} == between


@pytest.mark.parametrize("sides", [(4, 8), (20, 36)])
def test_any_multiple_of_four_is_translated(sides: tuple[int, int]) -> None:
    out = build()(torch.zeros(1, 1, *sides), torch.ones(1, 1))
    assert out.shape == (1, 3, *sides)


@pytest.mark.parametrize(
    "settings",
    [
        {"source_channels": (3,)},
        {"source_channels": (1, 1)},
        {"target_channels": 1},
        {"slab_depth": 3},
        {"spatial_dims": 3},
        {"adversarial_weight": 0, "cycle_weight": 0, "structure_weight": 0},
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        build(**settings)
    assert refused.value.code == "E004"


def test_labels_and_windows_that_do_not_fit_are_refused() -> None:
    translator, batch = build(), batch_of()
    assert batch.segmentation is not None
    with pytest.raises(UsageError, match=r"label 3 .*3 classes declared.*settings\.classes to 4"):
        translator.synthesise(batch._replace(segmentation=batch.segmentation + 1))
    with pytest.raises(UsageError, match="label -1"):
        translator.synthesise(batch._replace(segmentation=batch.segmentation - 1))
    with pytest.raises(InputError, match="segmentation"):
        translator.synthesise(batch._replace(segmentation=None))
    with pytest.raises(InputError, match="target"):
        translator.synthesise(batch._replace(target=None))
    with pytest.raises(UsageError, match="label U-Net"):
        translator.synthesise(batch_of(side=28))
    build(segmentation_weight=0).synthesise(batch_of(side=24))
    with pytest.raises(UsageError, match="discriminators"):
        build(segmentation_weight=0).synthesise(batch_of(side=20))
    with pytest.raises(UsageError, match="instance normalisation"):
        translator(torch.zeros(1, 1, 4, 4), torch.ones(1, 1))
