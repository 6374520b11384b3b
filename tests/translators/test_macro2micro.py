"""Macro2Micro: counts, what each term reaches, what each switch does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from transmodal import translators
from transmodal.batch import Batch
from transmodal.errors import InputError, UsageError
from transmodal.losses.logistic import logistic
from transmodal.losses.perceptual import perceptual_loss
from transmodal.nets.meta import shapes_alone
from transmodal.recipes.load import load, names
from transmodal.translators._base import Translator
from transmodal.translators.macro2micro.crops import brain_box, cut
from transmodal.translators.macro2micro.frequency import bands
from transmodal.translators.macro2micro.translator import planes

TINY: dict[str, Any] = {
    "width": 4,
    "perceptual_weight": 0,
    "discriminator_width": 4,
    "discriminator_levels": 2,
    "patch_discriminator_width": 2,
    "patch_discriminator_levels": 2,
    "crops": 3,
}


def millions(*modules: nn.Module) -> float:
    return sum(parameter.numel() for module in modules for parameter in module.parameters()) / 1e6


def build(**settings: Any) -> Translator[Any]:  # noqa: ANN401
    torch.manual_seed(3)
    return translators.build("macro2micro", {**TINY, **settings}).train()


def batch(height: int = 32, width: int = 40, size: int = 2) -> Batch:
    generator = torch.Generator().manual_seed(1)
    source, target = torch.full((2, size, 1, height, width), -1.0).unbind(0)
    source, target = source.clone(), target.clone()
    inner = (slice(None), slice(None), slice(8, height - 8), slice(10, width - 10))
    for image in (source, target):
        image[inner] = torch.rand(image[inner].shape, generator=generator) * 2 - 1
    return Batch(source, torch.ones(size, 1), target, draw=torch.arange(size) + 7)


def reached(translator: Translator[Any], loss: Tensor) -> set[str]:
    """Return the players whose parameters get a gradient from a loss."""
    translator.zero_grad(set_to_none=True)
    loss.backward(retain_graph=True)
    return {
        name
        for name, module in translator.players("train").items()
        if any(p.grad is not None and bool(p.grad.abs().max() > 0) for p in module.parameters())
    }


def test_parameters_at_the_papers_width() -> None:
    with shapes_alone():
        translator: Any = translators.build("macro2micro", {})
        plain: Any = translators.build("macro2micro", {"octave": False})
    players = translator.players("train")
    assert list(players) == ["discriminator", "patch_discriminator", "generator"]
    assert millions(players["discriminator"]) == pytest.approx(28.86, rel=5e-3)
    assert millions(players["patch_discriminator"]) == pytest.approx(24.52, rel=5e-3)
    net = players["generator"]
    assert 1e6 * millions(net.stem, net.encoder) == 82_176
    assert 1e6 * millions(net.generator, net.head) == 139_425
    # The same layers without a low path; what grows are the 3 x 3 convolutions behind each enlargement.
    grown = 128 * 128 * 9 - 2 * 64 * 64 * 9 + 64 * 64 * 9 - 2 * 32 * 32 * 9
    assert 1e6 * millions(plain.generator) == 221_601 + grown
    assert millions(build()) < 0.2


def test_shapes_on_the_way_are_those_of_the_table() -> None:
    shapes: list[tuple[int, ...]] = []

    def note(_module: nn.Module, _inputs: Any, output: Any) -> None:  # noqa: ANN401
        shapes.append(tuple(one.shape[n] for one in output for n in (1, 2)))

    with shapes_alone():
        net = translators.build("macro2micro", {}).players("train")["generator"]
        for layer in [*net.encoder, *net.generator]:  # type: ignore[misc]
            layer.register_forward_hook(note)
        net(torch.empty(1, 1, 256, 256))
    assert shapes[:4] == [(32, 128, 32, 64), (64, 128, 64, 64), (64, 64, 64, 32), (128, 64, 128, 32)]
    assert shapes[6] == (64, 128, 64, 64)
    assert shapes[9] == (32, 256, 32, 128)
    assert shapes[11] == (32, 256, 32, 256)


def test_the_image_is_made_of_its_two_bands() -> None:
    translator: Any = build(output="linear")
    assert translator.output_range == "free"
    net, given = translator.generator, batch()
    outputs = translator.synthesise(given)
    bias = net.head.bias.view(1, -1, 1, 1)
    torch.testing.assert_close(outputs.low + outputs.high - bias, outputs.synthetic)
    squashed: Any = build()
    assert squashed.output_range == "signed"
    for one, other in zip(squashed.synthesise(given)[:3], outputs[:3], strict=True):
        torch.testing.assert_close(one, other.tanh())


def test_octave_off_leaves_one_path() -> None:
    given, plain = batch(), build(octave=False)
    outputs = plain.synthesise(given)
    assert outputs.low is None
    assert outputs.high is None
    assert "frequency" not in plain.losses("generator", given, outputs)
    assert not [name for name, _ in plain.generator.named_parameters() if "low" in name]  # type: ignore[union-attr]
    assert outputs.synthetic.shape == (2, 1, 32, 40)


def test_high_and_low_exchange() -> None:
    translator: Any = build()
    net = translator.generator
    high, low = torch.randn(1, 16, 8, 8, requires_grad=True).split(8, dim=1)
    low = low[..., ::2, ::2]
    deep_high, deep_low = net.generator((high, low))
    assert torch.autograd.grad(deep_low.sum(), high, retain_graph=True)[0].abs().max() > 0
    assert torch.autograd.grad(deep_high.sum(), low)[0].abs().max() > 0


def test_terms_by_hand() -> None:
    translator: Any = build(l1_weight=2, frequency_weight=3, adversarial_weight=5, patch_weight=7)
    given = batch()
    outputs = translator.synthesise(given)
    terms = translator.losses("generator", given, outputs)
    target = given.target
    assert target is not None
    low, high = bands(target)
    assert terms["l1"].item() == pytest.approx(2 * (outputs.synthetic - target).abs().mean().item(), rel=1e-5)
    wanted = (outputs.low - low).abs().mean() + (outputs.high - high).abs().mean()
    assert terms["frequency"].item() == pytest.approx(3 * wanted.item(), rel=1e-5)
    image, patch = translator.discriminator, translator.patch_discriminator
    passes = logistic(image(outputs.synthetic), real=True)
    assert terms["adversarial"].item() == pytest.approx(5 * passes.item(), rel=1e-5)
    reference, real, synthetic = (
        patch.features(cut(one, outputs.crops[:, n], 16))
        for n, one in enumerate((target, target, outputs.synthetic))
    )
    passes = logistic(patch.compare(reference, synthetic), real=True)
    assert terms["patch"].item() == pytest.approx(7 * passes.item(), rel=1e-5)
    judged = translator.losses("discriminator", given, outputs)
    assert judged["real"].item() == pytest.approx(logistic(image(target), real=True).item(), rel=1e-5)
    wanted = 0.5 * logistic(image(outputs.synthetic), real=False)
    assert judged["synthetic"].item() == pytest.approx(wanted.item(), rel=1e-5)
    judged = translator.losses("patch_discriminator", given, outputs)
    assert judged["real"].item() == pytest.approx(
        logistic(patch.compare(reference, real), real=True).item(), rel=1e-5
    )
    wanted = logistic(patch.compare(reference, synthetic), real=False)
    assert judged["synthetic"].item() == pytest.approx(wanted.item(), rel=1e-5)


def test_of_patches_features_are_those_of_slices_along_all_axes() -> None:
    solid: Any = build(perceptual_weight=3, vgg="random", patch_weight=0, spatial_dims=3)
    source, target = torch.rand(2, 1, 1, 16, 24, 16).unbind(0)
    given = Batch(source, torch.ones(1, 1), target, draw=torch.tensor([1]))
    outputs = solid.synthesise(given)
    expected = []
    for axis in (2, 3, 4):
        pairs = zip(outputs.synthetic.unbind(axis), target.unbind(axis), strict=True)
        each = [perceptual_loss(solid._vgg, (one + 1) / 2, (other + 1) / 2) for one, other in pairs]
        expected.append(torch.stack(each).mean())
    term = solid.losses("generator", given, outputs)["perceptual"]
    assert term.item() == pytest.approx(3 * torch.stack(expected).mean().item(), rel=1e-4)
    slices = torch.rand(2, 1, 16, 16)
    assert planes(slices)[0] is slices


def test_every_term_reaches_whom_it_should() -> None:
    translator, given = build(perceptual_weight=1, vgg="random"), batch()
    outputs = translator.synthesise(given)
    terms = translator.losses("generator", given, outputs)
    assert set(terms) == {"l1", "frequency", "perceptual", "adversarial", "patch"}
    found = {name: reached(translator, value) for name, value in terms.items()}
    # The early public code detached both adversarial terms from the generator.
    assert all("generator" in players for players in found.values()), found
    assert found["l1"] == found["frequency"] == found["perceptual"] == {"generator"}
    for player in ("discriminator", "patch_discriminator"):
        for name, value in translator.losses(player, given, outputs).items():
            assert reached(translator, value) == {player}, name


def test_patch_discriminator_learns_features_too() -> None:
    # In the early code both features were detached, and the comparing layers alone learned.
    translator: Any = build()
    given = batch()
    terms = translator.losses("patch_discriminator", given, translator.synthesise(given))
    sum(terms.values()).backward()
    assert all(p.grad.abs().max() > 0 for p in translator.patch_discriminator._features.parameters())


@pytest.mark.parametrize(
    ("key", "term", "player"),
    [
        ("l1_weight", "l1", None),
        ("frequency_weight", "frequency", None),
        ("perceptual_weight", "perceptual", None),
        ("adversarial_weight", "adversarial", "discriminator"),
        ("patch_weight", "patch", "patch_discriminator"),
    ],
)
def test_one_key_switches_a_term_off(key: str, term: str, player: str | None) -> None:
    given, settings = batch(), {"perceptual_weight": 1, "vgg": "random"}
    whole, less = build(**settings), build(**{**settings, key: 0})
    outputs = less.synthesise(given)
    terms = less.losses("generator", given, outputs)
    assert term not in terms or terms[term].item() == 0
    assert set(whole.players("train")) - set(less.players("train")) == ({player} if player else set())
    assert ("vgg" in less.frozen()) == (term != "perceptual")
    assert (outputs.crops is None) == (term == "patch")


def test_brain_focused_crops_lie_in_the_batchs_brain() -> None:
    given = batch()
    box = brain_box(given, 0.05)
    assert bool((box[2:] < 0.6).all())
    focused, anywhere = build(), build(brain_focused=False)
    assert focused.batch_coupled
    assert focused.wants == {"mask"}
    assert not anywhere.batch_coupled
    assert anywhere.wants == set()
    assert not build(patch_weight=0).batch_coupled

    def outside(translator: Translator[Any], of: Batch) -> float:
        crops = translator.synthesise(of).crops
        reach = (crops[..., :2] - box[:2]).abs() + crops[..., 2:].abs() - box[2:]
        return float(reach.max())

    assert outside(focused, given) <= 1e-6
    assert outside(anywhere, given) > 0.1
    # A mask is believed where there is one.
    assert outside(focused, given._replace(mask=torch.ones(2, 1, 32, 40))) > 0.1


def test_patches_of_the_background_do_not_reach_the_generator() -> None:
    translator: Any = build(crops=16)
    given = batch()
    outputs = translator.synthesise(given)
    synthetic = outputs.synthetic.detach().requires_grad_()
    translator.losses("generator", given, outputs._replace(synthetic=synthetic))["patch"].backward()
    touched = synthetic.grad.abs().amax((0, 1)) > 0
    assert touched[10:22, 12:28].any()
    # Bilinear sampling reaches one pixel beyond the brain.
    assert not touched[:7].any()
    assert not touched[25:].any()
    assert not touched[:, :9].any()
    assert not touched[:, 31:].any()


def test_patch_size_and_number_of_crops() -> None:
    sizes: list[tuple[int, ...]] = []
    for settings, expected in (({}, 16), ({"patch_size": 20}, 20)):
        translator: Any = build(**settings)
        translator.patch_discriminator._features[0].register_forward_hook(
            lambda _m, inputs, _o: sizes.append(tuple(inputs[0].shape))
        )
        given = batch()
        translator.losses("patch_discriminator", given, translator.synthesise(given))
        assert set(sizes) == {(2 * 3, 1, expected, expected)}
        sizes.clear()


@pytest.mark.parametrize(("layout", "low"), [("torchvision", 0), ("adain", -1)])
def test_perceptual_loss_is_vggs(layout: str, low: int) -> None:
    """VGG-19 gets [0, 1] with torchvision's weights, and [-1, 1] in AdaIN's layout, as in the early code."""
    translator: Any = build(perceptual_weight=2, vgg="random", vgg_layout=layout)
    given = batch(40, 48)
    outputs = translator.synthesise(given)
    vgg = translator.frozen()["vgg"]
    images = (low + (1 - low) * (image + 1) / 2 for image in (outputs.synthetic, given.target))
    pairs = zip(*(vgg(image) for image in images), strict=True)
    wanted = 2 * sum(((one - other) ** 2).mean().item() for one, other in pairs)
    assert translator.losses("generator", given, outputs)["perceptual"].item() == pytest.approx(
        wanted, rel=1e-4
    )
    assert not [key for key in translator.state_dict() if "vgg" in key]


def test_vgg_without_weights_is_refused_before_training() -> None:
    settings = {key: value for key, value in TINY.items() if key != "perceptual_weight"}
    with pytest.raises(
        UsageError, match=r"vgg19-dcbf9e07.*perceptual_weight=0 or settings\.vgg=random"
    ) as error:
        translators.build("macro2micro", settings).frozen()["vgg"].check()
    assert error.value.code == "E004"


@pytest.mark.parametrize("side", [16, 24, 40, 56])
def test_any_multiple_of_eight(side: int) -> None:
    translator = build(patch_size=12)
    given = (
        batch(side, side + 8)
        if side >= 24
        else batch(24, 32)._replace(source=torch.rand(2, 1, 16, 24), target=torch.rand(2, 1, 16, 24))
    )
    outputs = translator.synthesise(given)
    assert outputs.synthetic.shape == given.source.shape
    for player in translator.players("train"):
        assert all(torch.isfinite(one) for one in translator.losses(player, given, outputs).values())


@pytest.mark.parametrize(
    ("settings", "sides", "words"),
    [
        ({}, (8, 32), "octave generator"),
        ({"discriminator_levels": 5}, (16, 32), "discriminator_levels"),
        ({"patch_discriminator_levels": 3}, (32, 32), "patch_discriminator_levels"),
        (
            {"perceptual_weight": 1, "vgg": "random", "vgg_layout": "adain", "patch_size": 16},
            (24, 32),
            "VGG-19",
        ),
        ({}, (20, 32), "multiples of 8"),
    ],
)
def test_windows_that_are_too_small(settings: dict[str, Any], sides: tuple[int, int], words: str) -> None:
    given = Batch(
        torch.zeros(1, 1, *sides), torch.ones(1, 1), torch.zeros(1, 1, *sides), draw=torch.tensor([1])
    )
    with pytest.raises(UsageError, match=words) as error:
        build(**settings).synthesise(given)
    assert error.value.code == "E004"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"alpha": 0.1}, "without channels"),
        ({"alpha": 1.0}, "alpha"),
        ({"width": 1, "octave": False}, "width"),
        ({"crop_scales": (0.5, 0.25)}, "crop_scales"),
        ({"crop_scales": (0.5, 1.5)}, "crop_scales"),
    ],
)
def test_settings_that_do_not_fit(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words) as error:
        build(**settings)
    assert error.value.code == "E001"


def test_a_batch_without_target_has_no_losses() -> None:
    translator, given = build(), batch()._replace(target=None)
    with pytest.raises(InputError, match="without target"):
        translator.losses("generator", given, translator.synthesise(given))


RECIPES = [name for name in names() if "macro2micro" in name]


def test_recipes_are_there() -> None:
    assert [
        *("macro2micro-abcd", "macro2micro-volumes"),
        *(f"t1-to-{target}-macro2micro-small" for target in ("fa", "flair")),
        *("t1-to-t2-macro2micro-patches", "t1-to-t2-macro2micro-small"),
    ] == RECIPES


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_name_every_player(name: str) -> None:
    recipe = load(name)
    with shapes_alone():
        translator = translators.build("macro2micro", recipe.settings)
    assert set(recipe.training.players) == set(translator.players("train"))


@pytest.mark.parametrize("name", RECIPES)
def test_small_recipes_need_no_file_and_the_papers_have_its_values(name: str) -> None:
    recipe = load(name)
    if name.endswith("small"):
        translator = translators.build("macro2micro", recipe.settings)
        assert translator.frozen() == {}
        # Slices of the atlas cohort at 2 mm have sides of 80 and more.
        assert translator.train().synthesise(batch(80, 96)).synthetic.shape == (2, 1, 80, 96)
    elif name.endswith("patches"):
        assert recipe.windows.kind == "patch"
        assert translators.build("macro2micro", {**recipe.settings, "spatial_dims": 3}).frozen() == {}
    else:
        assert recipe.settings == {}
        assert recipe.windows.central == (name == "macro2micro-abcd")
        for player in recipe.training.players.values():
            assert (player.lr, player.betas, player.schedule) == (1e-4, (0.0, 0.99), "step_half")
