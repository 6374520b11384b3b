"""Distortions: strength 0 changes nothing, strengths rise, and each is the fault that its name says."""

from __future__ import annotations

import numpy as np
import pytest

from transmodal.experiments.study.studies.metrics.distortions import (
    Array,
    Distortion,
    MeasuredScene,
    distortions,
)

KINDS = distortions()


@pytest.fixture
def scene() -> MeasuredScene:
    i, j, k = np.indices((24, 22, 20)).astype(float)
    mask = ((i - 12) / 10) ** 2 + ((j - 11) / 9) ** 2 + ((k - 10) / 8) ** 2 < 1
    lesions = (i - 14) ** 2 + (j - 11) ** 2 + (k - 10) ** 2 < 6
    image = np.where(mask, 100 + 30 * np.sin(i / 2) * np.cos(j / 3), 0) + 80 * lesions
    return MeasuredScene(image, mask, 100.0, 70.0, (2.0, 2.0, 2.0), lesions, 5)


def kind(name: str) -> Distortion:
    return next(distortion for distortion in KINDS if distortion.name == name)


def distort(name: str, scene: MeasuredScene, strength: float) -> Array:
    image = kind(name).make(scene, strength)
    assert image is not None
    return image


@pytest.mark.parametrize("distortion", KINDS, ids=lambda distortion: distortion.name)
def test_each_rises_from_nothing_and_is_the_same_again(distortion: Distortion, scene: MeasuredScene) -> None:
    if distortion.name != "lesion invented":  # a ball of no radius still has an edge
        np.testing.assert_allclose(distort(distortion.name, scene, 0), scene.image, atol=1e-9)
    images = [distort(distortion.name, scene, strength) for strength in distortion.strengths]
    errors = [float(np.abs(image - scene.image).mean()) for image in images]
    assert errors == sorted(errors)
    assert errors[0] > 0
    np.testing.assert_array_equal(distort(distortion.name, scene, distortion.strengths[0]), images[0])


def test_each_is_what_it_is_called(scene: MeasuredScene) -> None:
    noise = distort("noise", scene, 0.1) - scene.image
    assert noise.std() == pytest.approx(10, rel=0.05)
    np.testing.assert_allclose(distort("shift", scene, 2)[4:], scene.image[2:-2])
    gain = distort("gain", scene, 0.1)
    np.testing.assert_allclose(gain[scene.mask], 70 + 1.1 * (scene.image[scene.mask] - 70))
    assert (gain == scene.image)[~scene.mask].all()
    removed = distort("lesion removed", scene, 1.0)
    assert removed[scene.lesions].mean() < scene.image[scene.lesions].mean() - 40
    assert (removed == scene.image)[~scene.lesions].all()
    invented = distort("lesion invented", scene, 4.0) - scene.image
    assert (np.abs(invented) > 1).sum() > 20
    assert scene.mask[np.unravel_index(np.abs(invented).argmax(), invented.shape)]
    stripes = distort("stripes", scene, 0.1) - scene.image
    assert all(len(np.unique(np.round(stripes[:, :, k][scene.mask[:, :, k]], 9))) == 1 for k in range(4, 16))
    board = distort("checkerboard", scene, 0.1) - scene.image
    assert board[12, 11, 10] == -board[13, 11, 10] == -board[12, 12, 10]


def test_without_a_lesion_none_is_removed(scene: MeasuredScene) -> None:
    assert kind("lesion removed").make(scene._replace(lesions=np.zeros_like(scene.lesions)), 1.0) is None
    everywhere = scene._replace(lesions=scene.mask)
    assert kind("lesion removed").make(everywhere, 1.0) is None
    assert kind("lesion invented").make(scene._replace(mask=np.zeros_like(scene.mask)), 1.0) is None
