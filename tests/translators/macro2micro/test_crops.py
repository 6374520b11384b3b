"""Where patches are cut, and what is in them."""

from __future__ import annotations

import pytest
import torch

from transmodal.batch import Batch
from transmodal.translators.macro2micro.crops import brain_box, cut, draw_crops

AVAILABLE = torch.ones(2, 1)
WHOLE = torch.tensor([0.0, 0.0, 1.0, 1.0])


def dark() -> torch.Tensor:
    return torch.full((2, 1, 16, 32), -1.0)


def edges(box: torch.Tensor) -> tuple[float, ...]:
    """Return left, right, top and bottom in pixels of a 16 x 32 image."""
    x, y, width, height = box.tolist()
    return (16 * (x - width + 1), 16 * (x + width + 1), 8 * (y - height + 1), 8 * (y + height + 1))


def test_the_box_is_the_batchs_and_that_of_source_and_target() -> None:
    source, target = dark(), dark()
    source[0, 0, 4:7, 10:12] = 0.5
    target[1, 0, 5:9, 20:23] = -0.8  # 0.1 in [0, 1]
    target[0, 0, 0, 0] = -0.92  # 0.04
    batch = Batch(source, AVAILABLE, target)
    assert edges(brain_box(batch, 0.05)) == pytest.approx((10, 23, 4, 9))
    assert edges(brain_box(batch, 0.2)) == pytest.approx((10, 12, 4, 7))
    assert edges(brain_box(batch._replace(target=None), 0.05)) == pytest.approx((10, 12, 4, 7))


def test_a_mask_goes_before_intensities() -> None:
    mask = torch.zeros(2, 1, 16, 32)
    mask[0, 0, 3, 8], mask[1, 0, 15, 31] = 1, 1
    batch = Batch(torch.ones(2, 1, 16, 32), AVAILABLE, mask=mask)
    assert edges(brain_box(batch, 0.05)) == pytest.approx((8, 32, 3, 16))


def test_without_brain_the_box_is_the_image() -> None:
    assert brain_box(Batch(dark(), AVAILABLE, dark()), 0.05).tolist() == WHOLE.tolist()


def batch_with(seeds: list[int]) -> Batch:
    return Batch(
        dark()[:1].expand(len(seeds), -1, -1, -1), torch.ones(len(seeds), 1), draw=torch.tensor(seeds)
    )


def test_crops_stay_in_the_box_and_fill_it() -> None:
    box = torch.tensor([0.2, -0.4, 0.5, 0.3])
    crops = draw_crops(batch_with([1, 2]), box, 400, (1 / 8, 1 / 4))
    assert crops.shape == (2, 3, 400, 4)
    half = crops[..., 2:].abs() / box[2:]
    assert half.min() >= 1 / 8
    assert half.max() <= 1 / 4
    assert half.min() < 0.13
    assert half.max() > 0.245
    reach = (crops[..., :2] - box[:2]).abs() / box[2:] + half
    assert 0.98 < reach.max() <= 1 + 1e-6
    mirrored = (crops[..., 2] < 0).float().mean().item()
    assert 0.45 < mirrored < 0.55
    assert (crops[..., 3] > 0).all()


def test_crops_follow_each_samples_seed() -> None:
    crops = draw_crops(batch_with([1, 2, 1]), None, 4, (0.2, 0.4))
    assert torch.equal(crops[0], crops[2])
    assert not torch.equal(crops[0], crops[1])
    assert not torch.equal(crops[0, 0], crops[0, 1])  # reference and target patches differ
    assert torch.equal(crops[1:2], draw_crops(batch_with([2]), WHOLE, 4, (0.2, 0.4)))


def test_cutting_all_of_an_image_is_the_image() -> None:
    image = torch.randn(2, 3, 8, 8)
    mirrored = torch.tensor([0.0, 0.0, -1.0, 1.0])
    got = cut(image, torch.stack([WHOLE, mirrored]).expand(2, 2, 4), 8)
    torch.testing.assert_close(got, torch.stack([image, image.flip(3)], dim=1))


def test_a_box_of_three_dimensions_and_a_cut_of_it() -> None:
    source = torch.full((1, 1, 8, 16, 32), -1.0)
    source[0, 0, 2:5, 4:12, 10:30] = 0.5
    box = brain_box(Batch(source, torch.ones(1, 1)), 0.05)
    x, y, z, width, height, depth = box.tolist()
    assert (16 * (x - width + 1), 16 * (x + width + 1)) == pytest.approx((10, 30))
    assert (8 * (y - height + 1), 8 * (y + height + 1)) == pytest.approx((4, 12))
    assert (4 * (z - depth + 1), 4 * (z + depth + 1)) == pytest.approx((2, 5))
    batch = Batch(source, torch.ones(1, 1), draw=torch.tensor([3]))
    crops = draw_crops(batch, box, 200, (1 / 8, 1 / 4))
    assert crops.shape == (1, 3, 200, 6)
    half = crops[..., 3:].abs() / box[3:]
    assert 1 / 8 <= half.min() < half.max() <= 1 / 4 + 1e-6
    assert ((crops[..., :3] - box[:3]).abs() / box[3:] + half).max() <= 1 + 1e-6
    assert 0.4 < (crops[..., 3] < 0).float().mean() < 0.6
    assert (crops[..., 4:] > 0).all()


def test_cutting_an_eighth_of_a_volume_is_a_part_of_it() -> None:
    volume = torch.randn(1, 2, 8, 8, 8)
    corner = torch.tensor([[[0.5, -0.5, -0.5, 0.5, 0.5, 0.5], [0.0, 0.0, 0.0, -1.0, 1.0, 1.0]]])
    part, _ = cut(volume, corner, 4)[0]
    torch.testing.assert_close(part, volume[0, :, :4, :4, 4:])
    torch.testing.assert_close(cut(volume, corner, 8)[0, 1], volume[0].flip(-1))


def test_cutting_a_quarter_is_a_slice() -> None:
    image = torch.randn(1, 1, 16, 16)
    top_right = torch.tensor([[[0.5, -0.5, 0.5, 0.5]]])
    torch.testing.assert_close(cut(image, top_right, 8)[0, 0], image[0, :, :8, 8:])


def test_the_gradient_stays_in_the_patch() -> None:
    image = torch.zeros(1, 1, 16, 16, requires_grad=True)
    cut(image, torch.tensor([[[0.5, -0.5, 0.25, 0.25]]]), 16).sum().backward()
    assert image.grad is not None
    touched = image.grad[0, 0].abs() > 0
    assert touched[2:6, 10:14].all()
    assert not touched[:1].any()
    assert not touched[7:].any()
    assert not touched[:, :9].any()
