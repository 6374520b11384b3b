"""unet_regression: it learns, in two and three dimensions, with either network; what counts, and where."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from transmodal import translators
from transmodal.batch import Batch
from transmodal.errors import InputError, UsageError
from transmodal.losses.structure import ssim_loss
from transmodal.nets.meta import shapes_alone
from transmodal.recipes import load
from transmodal.translators.unet_regression.translator import UNetRegression

TINY: dict[str, Any] = {"width": 4, "levels": 3, "blocks": 1, "supervised": 2}
NETWORKS = ["light", "resenc"]


def built(**changes: Any) -> UNetRegression:  # noqa: ANN401
    torch.manual_seed(0)
    translator = translators.build("unet_regression", {"width": 4, "levels": 2, "ssim_weight": 0, **changes})
    assert isinstance(translator, UNetRegression)
    return translator


def batch_of(*sides: int, n: int = 2) -> Batch:
    generator = torch.Generator().manual_seed(1)
    source = torch.rand(n, 1, *sides, generator=generator) * 2 - 1
    mask = torch.zeros(n, 1, *sides)
    mask[..., 2:-3, 1:] = 1
    return Batch(source, torch.ones(n, 1), source**2, mask)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(
    ("dims", "sides", "target_side"), [(2, (1, 16, 24), (1, 16, 24)), (3, (1, 8, 12, 8), (1, 8, 12, 8))]
)
def test_it_learns_a_local_function(
    network: str, dims: int, sides: tuple[int, ...], target_side: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    translator = translators.build(
        "unet_regression", {"network": network, "width": 8, "levels": 2, "spatial_dims": dims}
    )
    source = torch.rand(4, *sides) * 2 - 1
    target = (source**2 - 0.5).reshape(4, *target_side)
    batch = Batch(source, torch.ones(4, 1), target)
    optimizer = torch.optim.Adam(translator.parameters(), 1e-2)
    values = []
    for _ in range(40):
        terms = translator.losses("generator", batch, translator.synthesise(batch))
        optimizer.zero_grad()
        sum(terms.values()).backward()  # type: ignore[union-attr]
        optimizer.step()
        values.append(terms["l1"].item())
    assert values[-1] < 0.6 * values[0]


def test_the_terms_are_weighted() -> None:
    source = torch.rand(1, 1, 16, 16)
    batch = Batch(source, torch.ones(1, 1), torch.rand(1, 1, 16, 16))
    torch.manual_seed(0)
    plain = translators.build("unet_regression", {"width": 4, "levels": 2, "ssim_weight": 0})
    assert set(plain.losses("generator", batch, plain.synthesise(batch))) == {"l1"}
    torch.manual_seed(0)
    double = translators.build("unet_regression", {"width": 4, "levels": 2, "l1_weight": 2.0})
    terms = double.losses("generator", batch, double.synthesise(batch))
    half = plain.losses("generator", batch, plain.synthesise(batch))["l1"]
    assert terms["l1"].item() == pytest.approx(2 * half.item(), rel=1e-5)
    assert 0 < terms["ssim"].item() < 1


@pytest.mark.parametrize("network", NETWORKS)
def test_coarse_outputs_are_supervised(network: str) -> None:
    batch = batch_of(16, 24)
    assert batch.target is not None
    translator = built(network=network, supervised=2)
    outputs = translator.synthesise(batch)
    assert [one.shape[2:] for one in (outputs.synthetic, *outputs.coarse)] == [(16, 24), (8, 12)]
    torch.testing.assert_close(outputs.synthetic, translator(batch.source, batch.available))
    small = batch.target.reshape(2, 1, 8, 2, 12, 2).mean((3, 5))
    fine = (outputs.synthetic - batch.target).abs().mean()
    coarse = (outputs.coarse[0] - small).abs().mean()
    terms = translator.losses("generator", batch, outputs)
    torch.testing.assert_close(terms["l1"], 2 / 3 * fine + 1 / 3 * coarse)
    torch.autograd.backward(terms["l1"])
    assert all(one.grad is not None for one in translator.parameters())


@pytest.mark.parametrize("network", NETWORKS)
def test_one_sample_does_not_depend_on_others(network: str) -> None:
    batch, translator = batch_of(16, 16, n=3), built(network=network, supervised=2)
    whole = translator.synthesise(batch)
    alone = translator.synthesise(
        batch_of(16, 16, n=3)._replace(source=batch.source[1:2], available=torch.ones(1, 1))
    )
    torch.testing.assert_close(whole.synthetic[1:2], alone.synthetic, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_output_is_float32_in_bfloat16(network: str) -> None:
    batch, translator = batch_of(16, 16), built(network=network, supervised=2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = translator.synthesise(batch)
    for one in (outputs.synthetic, *outputs.coarse):
        assert one.dtype == torch.float32
        assert not torch.equal(one, one.to(torch.bfloat16).float())


def test_inside_the_mask_alone() -> None:
    batch = batch_of(16, 16)
    assert batch.target is not None
    assert batch.mask is not None
    translator = built(judged="mask", ssim_weight=1.0)
    assert translator.needs == {"target", "mask"}
    assert built().needs == {"target"}
    outputs = translator.synthesise(batch)
    terms = translator.losses("generator", batch, outputs)
    inside = batch.mask > 0
    torch.testing.assert_close(terms["l1"], (outputs.synthetic - batch.target).abs()[inside].mean())
    spoilt = batch._replace(target=torch.where(inside, batch.target, batch.target + 3))
    torch.testing.assert_close(translator.losses("generator", spoilt, outputs)["l1"], terms["l1"])
    mixed = torch.where(inside, outputs.synthetic, batch.target)
    torch.testing.assert_close(terms["ssim"], ssim_loss(mixed, batch.target, 2.0))
    with pytest.raises(InputError, match="without mask"):
        translator.losses("generator", batch._replace(mask=None), outputs)
    with pytest.raises(InputError, match="without target"):
        translator.losses("generator", batch._replace(target=None), outputs)


def test_blocks_are_of_each_stage() -> None:
    def count(**changes: Any) -> int:  # noqa: ANN401
        return sum(one.numel() for one in built(**changes).parameters())

    assert count(blocks=2) == count(blocks=(2, 2, 2))
    # One residual block more: two convolutions of 8 channels, two norms.
    assert count(blocks=(1, 2, 1)) - count() == 2 * (9 * 8 * 8 + 8) + 2 * 16
    assert count(network="resenc", blocks=(1, 2, 1)) - count(network="resenc") == 2 * (9 * 8 * 8 + 8) + 2 * 16


@pytest.mark.parametrize(
    "changes", [{"blocks": (1, 2)}, {"supervised": 3}, {"network": "other"}, {"blocks": 0}]
)
def test_what_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        built(**changes)
    assert refused.value.code == "E001"


def test_a_lowest_stage_of_one_voxel_is_refused() -> None:
    with pytest.raises(UsageError, match="a side of 8"):
        built(network="resenc").synthesise(batch_of(4, 4))
    assert built().synthesise(batch_of(4, 4)).synthetic.shape == (2, 1, 4, 4)
    assert built(network="resenc").synthesise(batch_of(4, 8)).synthetic.shape == (2, 1, 4, 8)


def test_the_strong_recipe_is_nnunets() -> None:
    recipe = load.load("mr-to-ct-resenc")
    config = translators.config_of("unet_regression").model_validate({**recipe.settings, "spatial_dims": 3})
    with shapes_alone():
        translator = translators.build("unet_regression", config.model_dump())
    trained = sum(one.numel() for one in translator.parameters())
    assert trained == pytest.approx(102.35e6, rel=0.0005)
    assert translator.size_multiple() == 32
    player = recipe.training.players["generator"]
    assert (player.optimizer, player.lr, player.betas[0], player.schedule) == ("sgd", 0.01, 0.99, "poly")
    assert recipe.training.epochs * (recipe.training.samples_per_epoch or 0) == 1000 * 250 * 2


def test_a_plane_is_told_only_where_normalisation_leaves_it() -> None:
    for settings in ({"width": 8}, {"width": 32, "network": "resenc"}):
        with pytest.raises(UsageError, match=r"Set settings\.network=light and settings\.width=16"):
            translators.build("unet_regression", {**settings, "levels": 2, "plane_channels": 3})
    told = translators.build("unet_regression", {"width": 16, "levels": 2, "plane_channels": 3})
    image, planes = torch.rand(1, 1, 16, 16), torch.eye(3)[:, :, None, None].expand(3, 3, 16, 16)
    with torch.no_grad():
        made = told(torch.cat([image.expand(3, -1, -1, -1), planes], dim=1), torch.ones(3, 1))
    inside = made[:, 0, 6:10, 6:10]  # where no padding reaches within a stage
    assert not torch.allclose(inside[0], inside[1])
