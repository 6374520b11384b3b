"""MRNet: counts, the generator against plain operations, what each term reaches, what each switch does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from transmodal import translators
from transmodal.batch import Batch
from transmodal.errors import InputError, UsageError
from transmodal.nets.meta import shapes_alone
from transmodal.recipes.load import load
from transmodal.translators.mrnet.generator import soft_clamp

TINY: dict[str, Any] = {
    "width": 4,
    "levels": 3,
    "sam": "random",
    "sam_model": "tiny",
    "sam_size": 256,
    "mask_hidden": 4,
}


def count(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def build(**settings: Any) -> Any:  # noqa: ANN401
    torch.manual_seed(3)
    return translators.build("mrnet", {**TINY, **settings}).train()


def batch(height: int = 32, width: int = 40, size: int = 2, channels: int = 1) -> Batch:
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(2, size, channels, height, width, generator=generator) * 2 - 1
    return Batch(images[0], torch.ones(size, 1), images[1, :, :1])


def enlarged(translator: Any, factor: float = 8.0) -> Any:  # noqa: ANN401
    """Return the translator with larger weights, so that small parts of it show in its image."""
    with torch.no_grad():
        for name, parameter in translator.generator.named_parameters():
            if "masks" not in name:
                parameter.mul_(factor)
    return translator


def test_parameters_at_the_papers_width() -> None:
    with shapes_alone():
        grey: Any = translators.build("mrnet", {})
        colour: Any = translators.build("mrnet", {"source_channels": (3,), "target_channels": 3})
        wide: Any = translators.build("mrnet", {"adaptor_kernel": 3})
        bare: Any = translators.build("mrnet", {"sam": "none"})
        literal: Any = translators.build(
            "mrnet", {"source_channels": (3,), "target_channels": 3, "mask_hidden": 3}
        )
    assert list(grey.players("train")) == ["discriminator", "generator"]
    assert count(grey.generator) / 1e6 == pytest.approx(58.05, abs=0.005)
    assert count(grey.discriminator) / 1e6 == pytest.approx(2.765, rel=1e-3)
    assert grey.frozen()["sam"].count() == 89_670_912
    net = colour.generator
    assert count(net) / 1e6 == pytest.approx(58.06, abs=0.005)
    parts = {
        0.773: [stage.adaptor for stage in net.encoder],
        19.54: [stage.conv for stage in net.encoder],
        2.80: [stage.fuse for stage in net.encoder],
        34.87: [net.decoder, net.head],
        0.081: [net.masks],
    }
    for known, modules in parts.items():
        assert count(*modules) / 1e6 == pytest.approx(known, rel=5e-3)
    assert count(colour.discriminator) / 1e6 == pytest.approx(2.769, rel=1e-3)
    assert count(wide.generator) - count(grey.generator) == 8 * 256 * sum([64, 128, 256, *[512] * 5])
    assert bare.frozen() == {}
    with shapes_alone():
        unet = translators.build("pix2pix", {"norm": "instance"}).players("train")["generator"]
    # Without SAM it is pix2pix's U-Net with masks.
    assert count(bare.generator) == count(unet) + count(bare.generator.masks)
    assert count(literal.generator.masks) == 2 * 252  # StegoGAN's widths
    assert count(build()) < 200_000


def test_the_map_of_verdicts_is_30_by_30() -> None:
    with shapes_alone():
        judge = translators.build("mrnet", {}).players("train")["discriminator"]
        assert judge(torch.empty(1, 2, 256, 256)).shape == (1, 1, 30, 30)


def test_soft_clamp_by_hand() -> None:
    z = torch.tensor([-3.0, -0.5, 0.25, 1.0, 5.0], requires_grad=True)
    out = soft_clamp(z, 0.001)
    torch.testing.assert_close(out, torch.tensor([-0.003, -0.0005, 0.25, 1.0, 1.004]))
    out.sum().backward()
    assert z.grad is not None
    torch.testing.assert_close(z.grad[[0, 1, 2, 4]], torch.tensor([0.001, 0.001, 1.0, 0.001]))


def instance(x: Tensor) -> Tensor:
    deviation = (x.var(dim=(2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
    return (x - x.mean(dim=(2, 3), keepdim=True)) / deviation


def conv(state: dict[str, Tensor], name: str, x: Tensor, **options: int) -> Tensor:
    return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], **options)


def up(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return F.conv_transpose2d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride=2, padding=1)


def leaky(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.2 * x)


def plainly(state: dict[str, Tensor], source: Tensor, features: Tensor, output: str) -> list[Tensor]:
    """Return y_0, M_1, y_1, M_2 and y_2 of three levels as eq. 1 to 5 have them."""
    x, skips = source, []
    for n in range(3):
        e = conv(state, f"encoder.{n}.conv", x, stride=2, padding=1)
        at = F.interpolate(features, e.shape[2:], mode="bilinear", align_corners=False)
        a = conv(state, f"encoder.{n}.adaptor.conv", at)
        fused = conv(state, f"encoder.{n}.fuse", torch.cat([e, a], dim=1))
        x = leaky(instance(fused) if n == 1 else fused)
        skips.append(x)
    v = x.clamp(0, 1)
    d = v + 0.001 * (x.clamp(max=0) + (x - 1).clamp(min=0))
    for n, skip in enumerate((skips[1], skips[0])):
        d = torch.cat([instance(up(state, f"decoder.{n}.conv", d)).clamp(min=0), skip], dim=1)
    d = up(state, "head", d)
    found = [torch.tanh(instance(d).clamp(min=0) if output == "unit" else d)]
    for n in range(2):
        h = found[-1]
        for layer in ("first", "second"):
            h = instance(conv(state, f"masks.{n}.{layer}", h, padding=1)).clamp(min=0)
        mask = 1 / (1 + (-conv(state, f"masks.{n}.head", h, padding=1)).exp())
        found += [mask, found[-1] * mask]
    return found


@pytest.mark.parametrize("output", ["unit", "signed"])
def test_the_generator_is_the_equations(output: str) -> None:
    translator, given = enlarged(build(output=output)), batch()
    features = translator.encode(given.source)
    outputs = translator.synthesise(given)
    with torch.no_grad():
        y0, m1, y1, m2, y2 = plainly(translator.generator.state_dict(), given.source, features, output)
    torch.testing.assert_close(outputs.images, torch.stack([y0, y1, y2], dim=1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(outputs.masks, torch.stack([m1, m2], dim=1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(outputs.synthetic, y2, rtol=1e-4, atol=1e-5)
    assert y0.abs().max() > 0.1
    assert torch.equal(translator(given.source, given.available), outputs.synthetic)
    assert torch.equal(translator.masks_of(given.source, given.available), outputs.masks)


@pytest.mark.parametrize("sides", [(32, 40), (16, 20), (2, 3)])
def test_the_adaptors_two_orders_are_one(sides: tuple[int, int]) -> None:
    features = torch.randn(2, 16, 16, 16)
    adaptor = build().generator.encoder[1].adaptor
    both = [
        adaptor.conv(F.interpolate(features, sides, mode="bilinear")),
        F.interpolate(adaptor.conv(features), sides, mode="bilinear"),
    ]
    torch.testing.assert_close(adaptor(features, sides), both[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(*both, rtol=1e-4, atol=1e-5)
    broad = build(adaptor_kernel=3).generator.encoder[1].adaptor
    expected = broad.conv(F.interpolate(features, sides, mode="bilinear"))
    assert torch.equal(broad(features, sides), expected)


def test_masks_as_printed_multiply_again() -> None:
    translator, given = build(mask_rule="literal", masks=3), batch()
    images, masks = translator.synthesise(given)[1:]
    nets = translator.generator.masks
    y = images[:, 0]
    for k in range(3):
        torch.testing.assert_close(masks[:, k], nets[k](y), rtol=1e-4, atol=1e-5)
        product = torch.stack([nets[i](y) for i in range(k + 1)]).prod(dim=0)
        y = y * product
        torch.testing.assert_close(images[:, k + 1], y)
    sequential = build(masks=3).synthesise(given)
    torch.testing.assert_close(sequential.images[:, 1], images[:, 1])
    assert sequential.images[:, 3].abs().mean() > 1.5 * images[:, 3].abs().mean()


@pytest.mark.parametrize(
    ("settings", "closed"),
    [({}, 0.0), ({"output": "signed"}, 0.0), ({"output": "signed", "mask_space": "unit"}, -1.0)],
)
def test_where_closed_masks_pull_to(settings: dict[str, Any], closed: float) -> None:
    translator, given = build(**settings), batch()
    open_image = translator.synthesise(given)
    with torch.no_grad():
        for mask in translator.generator.masks:
            mask.head.bias.fill_(100)
    opened = translator.synthesise(given)
    y0 = opened.images[:, 0]
    wanted = 2 * y0 - 1 if translator.generator.shifts else y0
    torch.testing.assert_close(opened.synthetic, wanted)
    assert not torch.allclose(open_image.synthetic, opened.synthetic, atol=1e-3)
    with torch.no_grad():
        for mask in translator.generator.masks:
            mask.head.bias.fill_(-100)
    shut = translator.synthesise(given).synthetic
    torch.testing.assert_close(shut, torch.full_like(shut, closed))


def test_the_unit_output_has_norm_and_relu_before_tanh() -> None:
    translator, given = build(masks=0), batch(48, 56)
    assert translator.output_range == "unit"
    assert build(output="signed").output_range == "signed"
    before: list[Tensor] = []
    translator.generator.head.register_forward_hook(lambda _m, _i, out: before.append(out))
    image = translator.synthesise(given).synthetic
    torch.testing.assert_close(image, torch.tanh(instance(before[0]).clamp(min=0)), rtol=1e-4, atol=1e-5)
    assert (image == 0).any()
    assert 0 <= image.min() < image.max() <= 1
    same = build(mask_space="unit").synthesise(given)
    assert torch.equal(same.synthetic, build().synthesise(given).synthetic)


@pytest.mark.parametrize("discard_of", ["output", "input"])
def test_terms_by_hand(discard_of: str) -> None:
    translator, given = build(discard_of=discard_of, masks=3), batch()
    outputs = translator.synthesise(given)
    target, source = given.target, given.source
    assert target is not None
    terms = translator.losses("generator", given, outputs)
    first = 1 if discard_of == "output" else 0
    feature = sum(
        (outputs.images[:, first + n] * (1 - outputs.masks[:, n])).abs().mean().item() for n in range(3)
    )
    closed = sum((1 - outputs.masks[:, n]).mean().item() for n in range(3))
    verdicts = translator.discriminator(torch.cat([source, outputs.synthetic], dim=1))
    wanted = {
        "adversarial": ((verdicts - 1) ** 2).mean().item(),
        "l1": 100 * (outputs.synthetic - target).abs().mean().item(),
        "feature": 0.1 * feature,
        "mask": 0.05 * closed,
    }
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(wanted, rel=1e-4)
    judged = translator.losses("discriminator", given, outputs)
    real = translator.discriminator(torch.cat([source, target], dim=1))
    wanted = {
        "real": 0.5 * ((real - 1) ** 2).mean().item(),
        "synthetic": 0.5 * (verdicts**2).mean().item(),
    }
    assert {name: term.item() for name, term in judged.items()} == pytest.approx(wanted, rel=1e-4)


def test_what_each_term_reaches() -> None:
    translator, given = build(), batch()
    outputs = translator.synthesise(given)

    def reached(loss: Tensor) -> set[str]:
        translator.zero_grad(set_to_none=True)
        loss.backward(retain_graph=True)
        parts = {
            "discriminator": [translator.discriminator],
            "first_mask": [translator.generator.masks[0]],
            "last_mask": [translator.generator.masks[1]],
            "adaptors": [stage.adaptor for stage in translator.generator.encoder],
            "convs": [stage.conv for stage in translator.generator.encoder],
        }
        return {
            name
            for name, modules in parts.items()
            if any(
                p.grad is not None and bool(p.grad.abs().max() > 0) for m in modules for p in m.parameters()
            )
        }

    generator = {"first_mask", "last_mask", "adaptors", "convs"}
    terms = translator.losses("generator", given, outputs)
    assert set(terms) == {"adversarial", "l1", "feature", "mask"}
    assert reached(terms["adversarial"]) == {"discriminator"} | generator
    for name in ("l1", "feature", "mask"):
        assert reached(terms[name]) == generator
    for term in translator.losses("discriminator", given, outputs).values():
        assert reached(term) == {"discriminator"}
    translator.zero_grad(set_to_none=True)
    terms["mask"].backward()
    # More open masks discard less: a step against the gradient of this term opens them.
    assert translator.generator.masks[1].head.bias.grad.item() < 0


def test_each_idea_is_switched_off_by_one_key() -> None:
    given = batch()
    full = enlarged(build()).synthesise(given)
    for settings in (
        {"soft_clamp": False},
        {"sam_route": "skip"},
        {"fuse": "norm_act"},
        {"adaptor_kernel": 3},
        {"sam": "none"},
        {"sam_levels": [1]},
        {"masks": 0},
        {"masks": 1},
        {"output": "signed"},
    ):
        other = enlarged(build(**settings)).synthesise(given)
        assert other.synthetic.shape == full.synthetic.shape
        assert not torch.allclose(other.synthetic, full.synthetic, atol=1e-3), settings
    terms = {"adversarial", "l1", "feature", "mask"}
    for settings, left in (
        ({"feature_weight": 0}, terms - {"feature"}),
        ({"mask_weight": 0}, terms - {"mask"}),
        ({"masks": 0}, {"adversarial", "l1"}),
    ):
        translator = build(**settings)
        outputs = translator.synthesise(given)
        assert set(translator.losses("generator", given, outputs)) == left
    bare = build(masks=0)
    assert count(bare.generator.masks) == 0
    outputs = bare.synthesise(given)
    assert outputs.masks.shape == (2, 0, 1, 32, 40)
    assert torch.equal(outputs.images[:, 0], outputs.synthetic)


@pytest.mark.parametrize("route", ["encoder", "skip"])
def test_where_sams_features_go(route: str) -> None:
    translator, given = enlarged(build(sam_route=route)), batch()
    seen: list[Tensor] = []
    translator.generator.encoder[2].conv.register_forward_hook(lambda _m, ins, _o: seen.append(ins[0]))
    features = translator.encode(given.source)
    images = [
        translator(given.source, given.available, features=one) for one in (features, features.flip(-1))
    ]
    assert torch.equal(*seen) == (route == "skip")
    assert not torch.allclose(*images, atol=1e-4)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_stage_alone_is_joined_with_sams_features(level: int) -> None:
    translator, given = enlarged(build(sam_levels=[level])), batch()
    joined = [hasattr(stage, "adaptor") for stage in translator.generator.encoder]
    assert joined == [stage == level for stage in (1, 2, 3)]
    features = translator.encode(given.source)
    assert features is not None
    images = [
        translator(given.source, given.available, features=one) for one in (features, features.flip(-1))
    ]
    assert not torch.equal(*images)
    with torch.no_grad():
        for parameter in translator.generator.encoder[level - 1].adaptor.parameters():
            parameter.zero_()
    silent = [
        translator(given.source, given.available, features=one) for one in (features, features.flip(-1))
    ]
    assert torch.equal(*silent)  # no other stage hears of them


def test_all_stages_by_name_are_what_no_name_gives() -> None:
    given = batch()
    images = []
    for settings in ({}, {"sam_levels": [1, 2, 3]}):
        images.append(build(**settings)(given.source, given.available))
    assert torch.equal(*images)
    for odd in ([4], [1, 1], []):
        with pytest.raises(UsageError, match="sam_levels"):
            build(sam_levels=odd)


def test_norm_act_doubles_what_the_stages_hand_on() -> None:
    net = build(fuse="norm_act").generator
    assert [stage.conv.in_channels for stage in net.encoder] == [1, 8, 16]
    assert [stage.channels for stage in net.encoder] == [8, 16, 32]
    assert [one.conv.in_channels for one in net.decoder] == [32, 8 + 16]
    assert net.head.in_channels == 4 + 8
    skips = build(fuse="norm_act", sam_route="skip").generator
    assert [stage.conv.in_channels for stage in skips.encoder] == [1, 4, 8]


def test_without_sam_there_is_no_trace_of_it() -> None:
    translator, given = build(sam="none"), batch()
    assert translator.encode(given.source) is None
    assert translator.encoder() is None
    assert translator.frozen() == {}
    assert not [name for name, _ in translator.named_parameters() if "adaptor" in name or "fuse" in name]
    ignored = translator(given.source, given.available, features=torch.randn(2, 16, 16, 16))
    assert torch.equal(ignored, translator(given.source, given.available))


def test_stored_features_equal_those_computed_anew() -> None:
    translator, given = build(), batch(64, 32)
    features = translator.encode(given.source)
    assert features.shape == (2, 16, 16, 8)
    assert features.dtype == torch.float32
    assert not features.requires_grad
    stored = torch.from_numpy(features.numpy().astype("float16").astype("float32"))
    assert torch.equal(stored, features)
    computed = translator.synthesise(given)
    read = translator.synthesise(given._replace(features=stored))
    for one, other in zip(computed, read, strict=True):
        assert torch.equal(one, other)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(translator.encode(given.source), features)
    assert translator.encoder() == f"{translator.frozen()['sam'].digest()}/tiny/256"
    assert not [name for name in translator.state_dict() if "sam" in name]


def test_what_sam_sees() -> None:
    seen: list[Tensor] = []

    def pictures(source: Tensor, **settings: Any) -> Tensor:  # noqa: ANN401
        translator = build(**settings)
        translator._sam = lambda image: seen.append(image) or torch.zeros(1)
        translator.encode(source)
        return seen[-1]

    grey = torch.rand(1, 1, 8, 8) * 2 - 1
    torch.testing.assert_close(pictures(grey), ((grey + 1) / 2).repeat(1, 3, 1, 1))
    colour = torch.rand(1, 3, 8, 8) * 2 - 1
    torch.testing.assert_close(pictures(colour, source_channels=(3,)), (colour + 1) / 2)
    both = pictures(torch.cat([grey, colour], dim=1), source_channels=(1, 3))
    torch.testing.assert_close(both, ((grey + 1) / 2 + (colour + 1) / 2) / 2)
    slab = torch.rand(1, 6, 8, 8) * 2 - 1  # of two modalities, channel by channel
    middle = pictures(slab, source_channels=(1, 1), slab_depth=3)
    torch.testing.assert_close(middle, ((slab[:, 1:2] + slab[:, 4:5]) / 2 + 1).repeat(1, 3, 1, 1) / 2)


def test_sides_that_are_no_squares() -> None:
    translator = build()
    out = translator.synthesise(batch(24, 104))
    assert out.synthetic.shape == (2, 1, 24, 104)
    assert torch.isfinite(out.synthetic).all()
    with shapes_alone():
        paper = translators.build("mrnet", {})
        source, available = torch.empty(1, 1, 256, 512), torch.ones(1, 1)
        assert paper(source, available).shape == source.shape


def test_refusals(tmp_path: Path) -> None:
    given = batch()
    unset = build(sam=None)
    with pytest.raises(UsageError, match=r"settings\.sam=random") as none:
        unset.frozen()["sam"].check()
    assert none.value.code == "E004"
    with pytest.raises(UsageError, match="pretrained weights"):
        unset(given.source, given.available)
    with pytest.raises(InputError, match="does not exist"):
        build(sam=str(tmp_path / "sam.pth")).frozen()["sam"].check()
    with pytest.raises(UsageError, match="sides of 24 or more"):
        build().synthesise(batch(16, 40))
    with pytest.raises(UsageError, match="multiples of 8"):
        build().synthesise(batch(36, 40))
    with pytest.raises(InputError, match="without target"):
        build().losses("generator", given._replace(target=None), build().synthesise(given))
    for wrong in ({"masks": 9}, {"sam_size": 300}, {"adaptor_kernel": 2}):
        with pytest.raises(UsageError, match=next(iter(wrong))):
            build(**wrong)


def test_one_step_of_each_player_lowers_its_loss() -> None:
    translator, given = build(), batch()
    for player, module in translator.players("train").items():
        before = sum(translator.losses(player, given, translator.synthesise(given)).values())
        assert isinstance(before, Tensor)
        gradients = torch.autograd.grad(before, list(module.parameters()))
        scale = 1e-3 / torch.cat([one.flatten() for one in gradients]).norm()
        with torch.no_grad():
            for parameter, gradient in zip(module.parameters(), gradients, strict=True):
                parameter.sub_(scale * gradient)
        after = sum(translator.losses(player, given, translator.synthesise(given)).values())
        assert isinstance(after, Tensor)
        assert after < before


def test_recipes_have_the_papers_values() -> None:
    for name in ("mrnet-synthrad2023", "mrnet-brats2020"):
        recipe = load(name)
        training = recipe.training
        assert recipe.windows.size == (256, 256)
        assert (training.epochs, training.batch, training.seed) == (40, 4, 2024)
        assert set(training.players) == {"discriminator", "generator"}
        for player in training.players.values():
            assert (player.optimizer, player.lr, player.betas) == ("adam", 1e-4, (0.5, 0.999))
        assert recipe.settings == {}
        assert training.store_features
        assert recipe.evaluation.primary == "psnr"
    synthrad = load("mrnet-synthrad2023")
    assert (synthrad.windows.axes, synthrad.windows.fit) == (("x", "y", "z"), "ignore")
    assert synthrad.data.spec("ct").low == -1024
    assert synthrad.data.spec("ct").high == 3000
    for name in ("mr-to-ct-mrnet-small", "flair-to-t2-mrnet-small"):
        assert load(name).settings["sam"] == "random"


def test_features_are_pooled_and_rounded_as_the_settings_say() -> None:
    source = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(4)) * 2 - 1
    usual, pooled, both = (
        translators.build("mrnet", {**TINY, **settings})
        for settings in ({}, {"sam_pool": 2}, {"sam_pool": 2, "sam_bits": 8})
    )
    full, small, bytewise = (translator.encode(source) for translator in (usual, pooled, both))
    assert full is not None
    assert small is not None
    assert bytewise is not None
    assert small.shape == bytewise.shape == (2, 16, 8, 8)
    torch.testing.assert_close(small, F.avg_pool2d(full, 2), rtol=1e-2, atol=1e-2)
    assert not torch.equal(small, bytewise)
    torch.testing.assert_close(small, bytewise, rtol=0, atol=float(small.abs().max()) / 100)
    names = [translator.encoder() for translator in (usual, pooled, both)]
    assert len(set(names)) == 3
    assert str(names[0]).endswith("/tiny/256")  # as features were stored before there were these settings
    assert [translator.has_byte_features for translator in (usual, pooled, both)] == [False, False, True]


@torch.inference_mode()
def test_stages_are_those_of_a_translation() -> None:
    """Of every stage without and with SAM's features; what is fused is what the decoder's skips are."""
    translator = build()
    given = batch()
    maps = translator.stages(given.source, given.available)
    parts = [f"{part} {n}" for n in (1, 2, 3) for part in ("encoder", "adapted", "fused")]
    assert list(maps) == ["SAM layer 2", "SAM neck", *parts, "decoder 1", "decoder 2"]
    assert [tuple(maps[f"fused {n}"].shape[1:]) for n in (1, 2, 3)] == [(4, 16, 20), (8, 8, 10), (16, 4, 5)]
    assert not torch.equal(maps["encoder 2"], maps["fused 2"])
    bottom = soft_clamp(maps["fused 3"], translator.config.softness)
    first = translator.generator.decoder[0](bottom)
    assert torch.equal(maps["decoder 1"], first)
    second = translator.generator.decoder[1](torch.cat([first, maps["fused 2"]], dim=1))
    assert torch.equal(maps["decoder 2"], second)
    features = translator.encode(given.source)
    assert torch.equal(maps["SAM neck"].half().float(), features)


@torch.inference_mode()
def test_stages_that_are_not_joined_are_not_fused() -> None:
    given = batch()
    bare = build(sam="none").stages(given.source, given.available)
    assert list(bare) == ["encoder 1", "encoder 2", "encoder 3", "decoder 1", "decoder 2"]
    some = build(sam_levels=[2]).stages(given.source, given.available)
    assert [name for name in some if "fused" in name] == ["fused 2"]


@torch.inference_mode()
def test_sam_sees_the_sources_and_the_generator_the_plane_besides() -> None:
    given, planes = batch(), torch.zeros(2, 3, 32, 40)
    planes[:, 1] = 1
    told = torch.cat([given.source, planes], dim=1)
    network = build(plane_channels=3).eval()
    assert torch.equal(network.encode(told), build().encode(given.source))
    other = torch.cat([given.source, planes.roll(1, dims=1)], dim=1)
    assert not torch.equal(network(told, given.available), network(other, given.available))
