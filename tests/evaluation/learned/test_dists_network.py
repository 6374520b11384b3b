"""DISTS against sums that are written out, and the files that it takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from transmodal.errors import InputError, IntegrityError, UsageError
from transmodal.evaluation.learned import _dists_network as dists_network

F = nn.functional

# Places and shapes of torchvision's VGG-16, written down by hand: place, width, channels before.
STAGES = [
    [(0, 64, 3), (2, 64, 64)],
    [(5, 128, 64), (7, 128, 128)],
    [(10, 256, 128), (12, 256, 256), (14, 256, 256)],
    [(17, 512, 256), (19, 512, 512), (21, 512, 512)],
    [(24, 512, 512), (26, 512, 512), (28, 512, 512)],
]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The two files as they are published, with random weights."""
    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("published")
    features = {"classifier.6.weight": torch.zeros(1), "classifier.6.bias": torch.zeros(1)}
    for place, width, before in (layer for stage in STAGES for layer in stage):
        features[f"features.{place}.weight"] = (2 / (9 * before)) ** 0.5 * torch.randn(width, before, 3, 3)
        features[f"features.{place}.bias"] = torch.randn(width) / 10
    torch.save(features, folder / "vgg16.pth")
    torch.save({name: torch.rand(1, 1475, 1, 1) for name in ("alpha", "beta")}, folder / "weights.pt")
    return folder / "vgg16.pth", folder / "weights.pt"


def _pooled(image: Tensor) -> Tensor:
    """L2 pooling pixel by pixel: a root of a weighted mean of nine squares, those beyond the border being 0."""
    b, c, h, w = image.shape
    padded = torch.zeros(b, c, h + 2, w + 2)
    padded[:, :, 1:-1, 1:-1] = image**2
    window = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
    rows = []
    for i in range(0, h, 2):
        rows.append([(padded[:, :, i : i + 3, j : j + 3] * window).sum(dim=(2, 3)) for j in range(0, w, 2)])
    return torch.stack([torch.stack(row, -1) for row in rows], -2).add(1e-12).sqrt()


def _plainly(files: tuple[Path, Path], pair: tuple[Tensor, Tensor]) -> float:
    """DISTS of one pair `(1, 3, H, W)`, channel by channel with NumPy's variance and covariance."""
    vgg, channels = (torch.load(path, weights_only=True) for path in files)
    features: list[list[Tensor]] = []
    for image in pair:
        mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        x, kept = (image - mean[:, None, None]) / deviation[:, None, None], [image]
        for n, stage in enumerate(STAGES):
            x = _pooled(x) if n else x
            for place, _, _ in stage:
                x = F.conv2d(x, vgg[f"features.{place}.weight"], vgg[f"features.{place}.bias"], padding=1)
                x = x.clamp(min=0)
            kept.append(x)
        features.append(kept)
    score, at = 0.0, 0
    for a, b in zip(*features, strict=True):
        for x_of, y_of in zip(
            a[0].double().flatten(1).numpy(), b[0].double().flatten(1).numpy(), strict=True
        ):
            (xx, xy), (_, yy) = np.cov(x_of, y_of, bias=True) if x_of.size > 1 else ((0, 0), (0, 0))
            texture = (2 * x_of.mean() * y_of.mean() + 1e-6) / (x_of.mean() ** 2 + y_of.mean() ** 2 + 1e-6)
            structure = (2 * xy + 1e-6) / (xx + yy + 1e-6)
            score += float(channels["alpha"][0, at, 0, 0]) * texture
            score += float(channels["beta"][0, at, 0, 0]) * structure
            at += 1
    assert at == 1475
    return 1 - score / float(channels["alpha"].double().sum() + channels["beta"].double().sum())


@pytest.mark.parametrize("shape", [(33, 38), (16, 21)])
def test_it_is_the_published_sum(shape: tuple[int, int], published: tuple[Path, Path]) -> None:
    torch.manual_seed(1)
    reference = torch.rand(2, 3, *shape)
    synthetic = (reference + torch.tensor([0.05, 0.4])[:, None, None, None] * torch.randn(2, 3, *shape)) * 0.9
    distances = dists_network.distances(
        dists_network.pretrained(*map(str, published)), reference, synthetic
    ).tolist()
    plain = [_plainly(published, (reference[n : n + 1], synthetic[n : n + 1])) for n in range(2)]
    assert distances == pytest.approx(plain, rel=1e-4)
    assert distances[1] > distances[0] > 0.001


def test_the_same_image_has_no_distance(published: tuple[Path, Path]) -> None:
    networks = dists_network.pretrained(*map(str, published))
    image = torch.rand(1, 3, 17, 24)
    within = torch.zeros(1, 17, 24, dtype=torch.bool)
    within[:, 4:9, 5:20] = True
    assert float(dists_network.distances(networks, image, image)) == 0
    assert float(dists_network.distances(networks, image, image, within)) == 0


def test_a_mask_of_everything_differs_by_the_border_alone(published: tuple[Path, Path]) -> None:
    """Poolings give pixels at a border less: their windows reach beyond the image, where no mask is."""
    networks = dists_network.pretrained(*map(str, published))
    torch.manual_seed(2)
    reference, synthetic = torch.rand(2, 1, 3, 64, 64)
    whole = float(dists_network.distances(networks, reference, synthetic))
    everything = torch.ones(1, 64, 64, dtype=torch.bool)
    masked = float(dists_network.distances(networks, reference, synthetic, everything))
    assert masked == pytest.approx(whole, rel=0.03)
    assert masked != whole


def test_texture_may_be_resampled_where_pixels_may_not() -> None:
    """Two draws of one noise are nearer than a smooth image, though mean squares say otherwise."""
    networks = dists_network.pretrained("random", "random")
    rng = torch.Generator().manual_seed(4)
    one, other = (
        0.5 + 0.2 * torch.randn(1, 1, 64, 64, generator=rng).expand(-1, 3, -1, -1) for _ in range(2)
    )
    flat = torch.full_like(one, 0.5)
    assert (one - other).square().mean() > (one - flat).square().mean()
    of_texture, of_flat = (float(dists_network.distances(networks, one, image)) for image in (other, flat))
    assert of_texture < of_flat


def test_the_networks_are_as_large_as_published() -> None:
    networks = dists_network.pretrained(None, None)
    assert (networks.features.count(), networks.channels.count()) == (14_714_688, 2 * 1475)


def test_files_that_do_not_belong_are_refused(published: tuple[Path, Path]) -> None:
    features, channels = map(str, published)
    picture = torch.zeros(1, 3, 16, 16)
    with pytest.raises(IntegrityError) as swapped:
        dists_network.pretrained(channels, features).features(picture)
    with pytest.raises(InputError) as gone:
        dists_network.pretrained(features + "x", channels).features.check()
    assert (swapped.value.code, gone.value.code) == ("E502", "E100")


def test_without_weights_the_message_says_which_file() -> None:
    networks = dists_network.pretrained(None, None)
    for network, parts in (
        (networks.features, ("vgg16-397923af.pth", "--weights dists=FILE")),
        (networks.channels, ("DISTS-pytorch", "--weights dists_weights=FILE")),
    ):
        with pytest.raises(UsageError) as refused:
            network.check()
        assert refused.value.code == "E004"
        assert all(part in refused.value.remedy for part in parts)
