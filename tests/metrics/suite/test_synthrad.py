"""A challenge's figures as metrics: named as its own, inside the mask, in HU, and read as its program reads them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from transmodal.errors import UsageError
from transmodal.metrics import registry
from transmodal.metrics.challenge import synthrad2023, synthrad2025
from transmodal.metrics.measure import applicable, measure
from transmodal.metrics.pair import ImagePair
from transmodal.metrics.suite.synthrad import METRICS, ms_ssim_2025

SHAPE = (33, 30, 27)


@pytest.fixture
def pair() -> ImagePair:
    """Return a lopsided head, axes to the left, the back and the top as the challenge's files have them."""
    rng = np.random.default_rng(3)
    i, j, k = np.indices(SHAPE).astype(float)
    mask = ((i - 15) / 13) ** 2 + ((j - 15) / 12) ** 2 + ((k - 13 - 0.1 * i) / 10) ** 2 < 1
    ct = np.where(mask, 40 + 900 * (i > 22), -1024) + 20 * rng.normal(size=SHAPE)
    return ImagePair(
        ct,
        ct + 80 * rng.normal(size=SHAPE),
        4024,
        "HU",
        (1, 1, 1),
        mask=mask,
        background=-1024,
        orientation="LPS",
    )


def test_the_figures_are_the_challenges(pair: ImagePair) -> None:
    assert pair.mask is not None
    own = {value.metric: value for value in measure(pair, [metric.name for metric in METRICS])}
    first = synthrad2023(pair.reference, pair.synthetic, pair.mask)
    second = synthrad2025(pair.reference, pair.synthetic, pair.mask)
    values = {name: value.value for name, value in own.items()}
    assert values == {
        "mae_synthrad2023": first.mae,
        "psnr_synthrad2023": first.psnr,
        "ssim_synthrad2023": first.ssim,
        "mae_synthrad2025": second.mae,
        "psnr_synthrad2025": second.psnr,
        "ms_ssim_synthrad2025": second.ms_ssim,
    }
    for name, value in own.items():
        text = value.protocol.text()
        assert text.startswith("inside the evaluation mask; 3D; in HU; SynthRAD20"), name
        assert ("values clipped by the definition alone" in text) == (not name.startswith("mae"))


def test_a_prepared_volume_is_turned_as_the_challenge_reads_it(pair: ImagePair) -> None:
    assert pair.mask is not None
    prepared = replace(
        pair,
        reference=np.flip(pair.reference, (0, 1)),
        synthetic=np.flip(pair.synthetic, (0, 1)),
        mask=np.flip(pair.mask, (0, 1)),
        orientation="RAS",
    )
    (as_read,) = measure(pair, ["ms_ssim_synthrad2025"])
    (turned,) = measure(prepared, ["ms_ssim_synthrad2025"])
    assert turned.value == as_read.value
    unturned = ms_ssim_2025(prepared.reference, prepared.synthetic, prepared.mask)  # type: ignore[arg-type]
    assert unturned != as_read.value  # halving looks one way, so the direction matters


def test_they_need_a_mask_and_hounsfield_units(pair: ImagePair) -> None:
    names = {metric.name for metric in METRICS}
    assert names <= set(applicable(pair))
    assert not names & set(applicable(replace(pair, mask=None)))
    grey_levels = replace(pair, unit="grey level")
    assert not names & set(applicable(grey_levels))
    with pytest.raises(UsageError, match="mae_synthrad2023 of values in grey level") as refused:
        measure(grey_levels, ["mae_synthrad2023"])
    assert refused.value.code == "E004"
    assert registry.higher_is_better("ms_ssim_synthrad2025")
    assert not registry.higher_is_better("mae_synthrad2025")


def test_they_show_as_many_digits_as_the_standard_figures() -> None:
    for metric in METRICS:
        assert metric.decimals == {"HU": 1, "dB": 2, "1": 3}[metric.unit]
