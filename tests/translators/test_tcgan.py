"""TCGAN: counts, how U-Net and transformer are arranged, dropout by seeds, terms, and what reaches whom."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from transmodal import translators
from transmodal.batch import Batch
from transmodal.errors import InputError, UsageError
from transmodal.nets.meta import shapes_alone
from transmodal.translators.tcgan import Tcgan

TINY: dict[str, Any] = {
    "width": 4, "levels": 3, "channels": 32, "heads": 2, "depths": (1, 1, 1), "grid": 2, "hidden": 16,
    "branch_width": 4,
}  # fmt: skip


def built(**changes: Any) -> Tcgan:  # noqa: ANN401
    torch.manual_seed(0)
    translator = translators.build("tcgan", {**TINY, **changes})
    assert isinstance(translator, Tcgan)
    return translator


def batch_of(n: int = 2, sides: tuple[int, int] = (32, 32)) -> Batch:
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(n, 1, *sides, generator=generator) * 2 - 1
    return Batch(image, torch.ones(n, 1), -image, draw=torch.arange(n))


def count(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())


@pytest.mark.parametrize(
    ("settings", "known"),
    [
        ({}, 92.2e6),
        ({"arrangement": "serial"}, 92.2e6),
        ({"channels": 1024}, 191.2e6),
        ({"arrangement": "serial", "channels": 1024}, 191.2e6),
        ({"arrangement": "unet", "source_channels": (3,), "target_channels": 3}, 54.5e6),
    ],
)
def test_sizes_are_the_known_ones(settings: dict[str, Any], known: float) -> None:
    with shapes_alone():
        translator = translators.build("tcgan", settings)
    assert isinstance(translator, Tcgan)
    assert count(translator.generator) == pytest.approx(known, rel=0.005)
    assert count(translator.discriminator) == pytest.approx(2.765e6, rel=0.005)


def test_it_is_tiny() -> None:
    assert count(built()) < 200_000


def test_at_the_papers_size_the_maps_are_those_of_the_code() -> None:
    seen: dict[str, torch.Size] = {}
    with shapes_alone():
        translator = translators.build("tcgan", {})
        assert isinstance(translator, Tcgan)
        branch = translator.generator.branch
        assert branch is not None
        parts = {"pooled": branch.pool, "vector": branch.vector, "narrow": branch.narrow}
        parts |= {f"map{n}": one for n, one in enumerate(branch.transformers)}
        for name, part in parts.items():
            part.register_forward_hook(lambda *given, name=name: seen.update({name: given[2].shape}))
        out = translator(torch.zeros(1, 1, 256, 256), torch.ones(1, 1))
        verdicts = translator.discriminator(torch.zeros(1, 2, 256, 256))
    assert out.shape == (1, 1, 256, 256)
    assert verdicts.shape == (1, 1, 16, 16)
    assert {name: tuple(shape[1:]) for name, shape in seen.items()} == {
        "pooled": (3, 32, 32), "vector": (1024,), "narrow": (3, 32, 32),
        "map0": (384, 8, 8), "map1": (96, 16, 16), "map2": (24, 32, 32),
    }  # fmt: skip


def test_pooling_and_enlarging_do_nothing_where_the_grid_fits() -> None:
    branch, source = built().generator.branch, torch.rand(1, 1, 64, 64)
    assert branch is not None
    x = source
    for down in branch.down:
        x = down(x)
    assert torch.equal(branch.pool(x), x)


def test_arrangements_are_what_they_say() -> None:
    source, other = torch.rand(2, 1, 1, 32, 48) * 2 - 1
    parallel, serial, alone = (
        built(arrangement=one).generator.eval() for one in ("parallel", "serial", "unet")
    )
    assert alone.branch is None
    for generator in (parallel, serial):
        assert generator.branch is not None
        nn.init.normal_(generator.branch.head.weight)
    with torch.no_grad():
        assert parallel.branch is not None
        assert serial.branch is not None
        wanted = (parallel.unet(source) + parallel.branch(source)) / 2
        torch.testing.assert_close(parallel(source), wanted)
        torch.testing.assert_close(serial(source), serial.unet((serial.branch(source) + source) / 2))
        assert torch.equal(alone(source), alone.unet(source))
        assert not torch.allclose(serial(source), serial.unet(source))
        assert not torch.equal(parallel(source), parallel(other))


@pytest.mark.parametrize("arrangement", ["parallel", "unet"])
def test_the_transformer_tells_every_place_of_the_whole_image(arrangement: str) -> None:
    generator = built(arrangement=arrangement, levels=3, depths=(1, 1, 1)).generator
    if generator.branch is not None:
        nn.init.normal_(generator.branch.head.weight)
    # Without normalisation, which looks at the whole image too, only the transformer reaches far.
    for name, part in list(generator.named_modules()):
        if isinstance(part, nn.InstanceNorm2d):
            generator.set_submodule(name, nn.Identity())
    source = torch.zeros(1, 1, 128, 128)
    changed = source.clone()
    changed[..., 112:, 112:] = 1
    with torch.no_grad():
        near, far = (generator(one)[..., :8, :8] for one in (source, changed))
    assert torch.equal(near, far) == (arrangement == "unet")


def test_the_unets_head_keeps_the_sides_and_looks_where_it_doubles() -> None:
    unet = built(levels=3).generator.unet
    x = torch.zeros(1, 8, 4, 4)
    x[0, 0, 1, 1] = 1
    nn.init.ones_(unet.head.weight)
    nn.init.zeros_(unet.head.bias)  # type: ignore[arg-type]
    out = unet.head(unet.enlarge(x))[0, 0]
    assert out.shape == (8, 8)
    # A pixel is doubled to rows 2 and 3; four taps from two before to one behind see one of them in rows 1 to 5.
    assert [n for n in range(8) if out[n].any()] == [1, 2, 3, 4, 5]


def test_dropout_is_the_seeds_alone_and_only_while_training() -> None:
    batch = batch_of()
    translator = built(levels=4, dropout=0.5).train()
    first, again = (translator.synthesise(batch).synthetic for _ in range(2))
    assert torch.equal(first, again)
    other = translator.synthesise(batch._replace(draw=torch.tensor([0, 9]))).synthetic
    assert torch.equal(other[0], first[0])
    assert not torch.allclose(other[1], first[1])
    undropped = built(levels=4, dropout=0.0).train().synthesise(batch).synthetic
    assert not torch.allclose(undropped, first)
    torch.testing.assert_close(translator.eval().synthesise(batch).synthetic, undropped)


@pytest.mark.parametrize("objective", ["paper", "cgan"])
def test_terms_and_whom_they_reach(objective: str) -> None:
    translator, batch = (
        built(objective=objective, pixel_weight=3.0, l1_weight=5.0, adversarial_weight=0.5),
        batch_of(),
    )
    outputs = translator.synthesise(batch)
    assert batch.target is not None
    terms = translator.losses("generator", batch, outputs)
    apart = (outputs.synthetic - batch.target).abs()
    smooth = torch.where(apart < 1, apart**2 / 2, apart - 0.5)
    name, wanted = ("smooth_l1", 3 * smooth) if objective == "paper" else ("l1", 5 * apart)
    assert set(terms) == {"adversarial", name}
    torch.testing.assert_close(terms[name], wanted.mean())
    assert translator.discriminator is not None
    verdicts = translator.discriminator(torch.cat([batch.source, outputs.synthetic], dim=1))
    torch.testing.assert_close(terms["adversarial"], 0.5 * F.mse_loss(verdicts, torch.ones_like(verdicts)))
    torch.autograd.backward(list(translator.losses("discriminator", batch, outputs).values()))
    assert all(one.grad is None for one in translator.generator.parameters())
    assert all(one.grad is not None for one in translator.discriminator.parameters())
    torch.autograd.backward(terms[name])
    assert all(one.grad is not None for one in translator.generator.parameters())


def test_what_is_translated_is_cut_off_and_what_is_judged_is_not() -> None:
    translator, batch = built().eval(), batch_of()
    assert translator.generator.branch is not None
    nn.init.constant_(translator.generator.branch.head.bias, 5.0)  # type: ignore[arg-type]
    with torch.no_grad():
        assert float(translator.synthesise(batch).synthetic.min()) > 1
        assert torch.equal(translator(batch.source, batch.available), torch.ones(2, 1, 32, 32))


def test_only_the_common_objective_couples_samples() -> None:
    assert not built().batch_coupled
    assert built(objective="cgan").batch_coupled


@pytest.mark.parametrize("changes", [{"channels": 48, "heads": 2}, {"depths": (1, 0, 1)}])
def test_what_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        built(**changes)
    assert refused.value.code == "E001"


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(UsageError, match="averaged"):
        built(arrangement="serial", source_channels=(1, 1))
    with pytest.raises(UsageError, match="sides of 32"):
        built().synthesise(batch_of(sides=(32, 24)))
    with pytest.raises(UsageError, match="sides of 24"):
        built(objective="cgan").synthesise(batch_of(sides=(32, 16)))
    small = batch_of(sides=(8, 16))
    with pytest.raises(UsageError, match="sides of 16"):
        built()(small.source, small.available)
    assert built(arrangement="unet")(small.source, small.available).shape == (2, 1, 8, 16)


def test_a_batch_without_target_is_refused() -> None:
    translator, batch = built(), batch_of()
    outputs = translator.synthesise(batch)
    with pytest.raises(InputError, match="without target"):
        translator.losses("generator", batch._replace(target=None), outputs)
