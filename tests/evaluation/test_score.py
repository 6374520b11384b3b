from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.evaluation.score import range_of, score, unit_of
from transmodal.metrics.protocol import MetricValue, Protocol
from transmodal.metrics.suite.ssim import slice_ssim, ssim
from transmodal.metrics.suite.voxels import mae, psnr
from transmodal.modalities import modality_of
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import reorient
from transmodal.volumes.intensity import IntensitySpec, fit

SHAPE = (13, 16, 12)
RNG = np.random.default_rng(5)
REFERENCE = RNG.random(SHAPE)
SYNTHETIC = REFERENCE + 0.1 * RNG.normal(size=SHAPE)
MASK = np.zeros(SHAPE, bool)
MASK[2:11, 3:14, 4:9] = True
AFFINE = np.diag([1.0, 1.5, 2.0, 1.0])


def _score(mask: NDArray[np.bool_] | None = MASK) -> list[MetricValue]:
    return score(Volume(REFERENCE, AFFINE), Volume(SYNTHETIC, AFFINE), mask, modality="fa", data_range=1.0)


def test_figures_inside_the_mask_come_first_then_whole() -> None:
    got = [(one.metric, one.protocol.region, one.protocol.dims) for one in _score()]
    inside = [("mae", "mask", 3), ("psnr", "mask", 3), ("ssim", "mask", 3), ("ssim", "mask", 2)]
    assert got == inside + [(metric, "whole", dims) for metric, _, dims in inside]


def test_figures_are_the_metrics() -> None:
    values = [one.value for one in _score()]
    expected = []
    for mask in (MASK, None):
        expected += [
            mae(REFERENCE, SYNTHETIC, mask=mask),
            psnr(REFERENCE, SYNTHETIC, data_range=1, mask=mask),
            ssim(REFERENCE, SYNTHETIC, data_range=1, mask=mask),
            slice_ssim(REFERENCE, SYNTHETIC, axis=2, data_range=1, mask=mask).mean,
        ]
    assert values == pytest.approx(expected, abs=1e-12)


def test_units_and_protocols_are_stamped() -> None:
    first, second, third, fourth = _score()[:4]
    assert [one.unit for one in (first, second, third, fourth)] == ["FA", "dB", "1", "1"]
    assert first.protocol == Protocol("mask", 3, "FA")
    assert second.protocol == Protocol("mask", 3, "FA", 1.0)
    assert third.protocol == Protocol("mask", 3, "FA", 1.0, (11, 11, 11), "mirrored")
    assert fourth.protocol == Protocol("mask", 2, "FA", 1.0, (11, 11), "mirrored")
    assert {one.protocol.border for one in _score()[6:]} == {"interior"}


def test_slices_without_mask_are_counted() -> None:
    assert [one.slices_excluded for one in _score()] == [None, None, None, 7, None, None, None, 0]


def test_without_a_mask_only_whole_figures_are_taken() -> None:
    assert {one.protocol.region for one in _score(None)} == {"whole"}


@pytest.mark.parametrize(
    "letters", ["".join(three) for three in product("RL", "AP", "SI")] + ["SRA", "AIR", "PLS"]
)
def test_orientation_does_not_matter(letters: str) -> None:
    turned = [reorient(Volume(v, AFFINE), letters) for v in (REFERENCE, SYNTHETIC)]
    mask = reorient(Volume(MASK.astype(np.uint8), AFFINE), letters).voxels > 0
    got = score(turned[0], turned[1], mask, modality="fa", data_range=1.0)
    assert [one.value for one in got] == pytest.approx([one.value for one in _score()], abs=1e-9)
    assert sorted(got[2].protocol.window or ()) == sorted(_score()[2].protocol.window or ())


def test_colour_is_scored_per_channel() -> None:
    rng = np.random.default_rng(1)
    reference = rng.integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
    synthetic = np.clip(reference + rng.normal(0, 9, reference.shape), 0, 255).astype(np.float32)
    got = score(
        Volume(reference, AFFINE), Volume(synthetic, AFFINE), MASK, modality="colour", data_range=255.0
    )
    assert got[0].unit == "sRGB levels"
    assert got[0].value == pytest.approx(np.abs(reference - synthetic.astype(float))[MASK].mean())
    channels = [ssim(reference[..., c], synthetic[..., c], data_range=255, mask=MASK) for c in range(3)]
    assert got[2].value == pytest.approx(np.mean(channels))


def test_one_metric_can_be_taken_alone() -> None:
    volume = Volume(REFERENCE, AFFINE)
    got = score(volume, Volume(SYNTHETIC, AFFINE), None, modality="ct", data_range=4024.0, metrics=("mse",))
    assert [(one.metric, one.unit) for one in got] == [("mse", "(HU)^2")]
    assert got[0].value == pytest.approx(((REFERENCE - SYNTHETIC) ** 2).mean())


def test_other_grids_are_refused() -> None:
    moved = AFFINE.copy()
    moved[0, 3] = 0.5
    with pytest.raises(InputError, match="one grid") as caught:
        score(Volume(REFERENCE, AFFINE), Volume(SYNTHETIC, moved), None, modality="fa", data_range=1.0)
    assert caught.value.code == "E130"


def test_colour_beside_grey_is_refused() -> None:
    colour = Volume(np.zeros((*SHAPE, 3), np.uint8), AFFINE)
    with pytest.raises(InputError, match="a colour reference and a grey") as caught:
        score(colour, Volume(SYNTHETIC, AFFINE), None, modality="colour", data_range=255.0)
    assert caught.value.code == "E122"


def test_unknown_metrics_and_empty_masks_are_refused() -> None:
    volume = Volume(REFERENCE, AFFINE)
    with pytest.raises(UsageError, match="fid") as caught:
        score(volume, volume, None, modality="fa", data_range=1.0, metrics=("mae", "fid"))
    assert caught.value.code == "E002"
    with pytest.raises(InputError) as empty:
        score(volume, volume, np.zeros(SHAPE, bool), modality="fa", data_range=1.0)
    assert empty.value.code == "E124"


def test_units_by_modality() -> None:
    assert [unit_of(name) for name in ("ct", "fa", "colour", "t2")] == [
        "HU",
        "FA",
        "sRGB levels",
        "reference units",
    ]


def test_data_ranges_by_modality() -> None:
    wide = fit(IntensitySpec("window", 10, 310), np.zeros(3))
    assert [range_of(name, wide) for name in ("ct", "fa", "colour", "t2")] == [300, 300, 300, 300]
    assert [range_of(name) for name in ("ct", "fa", "colour")] == [4024, 1, 255]
    assert [
        range_of(name, fit(modality_of(name).intensity, np.zeros(3))) for name in ("ct", "fa", "colour")
    ] == [
        4024,
        1,
        255,
    ]
    with pytest.raises(UsageError, match="no data range for ct"):
        range_of("ct", None, "grey level")
    with pytest.raises(UsageError, match="no data range for t2"):
        range_of("t2")
    with pytest.raises(UsageError, match="no data range for t2"):
        range_of("t2", fit(IntensitySpec("zscore"), np.arange(5.0)))


def test_figures_of_the_suite_carry_their_definition() -> None:
    taken = score(
        Volume(REFERENCE, AFFINE),
        Volume(SYNTHETIC, AFFINE),
        MASK,
        modality="fa",
        data_range=1.0,
        metrics=("nmse", "gradient_error", "mae"),
    )
    assert [one.metric for one in taken] == ["mae", "nmse", "gradient_error"] * 2
    for one in taken:
        assert bool(one.protocol.definition) == (one.metric != "mae")
        assert (one.protocol.definition in one.protocol.text()) or one.metric == "mae"
    (inside,) = [one for one in taken if one.metric == "nmse" and one.protocol.region == "mask"]
    error, energy = ((SYNTHETIC - REFERENCE)[MASK] ** 2).sum(), (REFERENCE[MASK] ** 2).sum()
    assert inside.value == pytest.approx(error / energy)


def test_a_metric_of_colour_is_refused_for_grey() -> None:
    with pytest.raises(InputError, match="delta_cf"):
        score(
            Volume(REFERENCE, AFFINE),
            Volume(SYNTHETIC, AFFINE),
            None,
            modality="fa",
            data_range=1.0,
            metrics=("delta_cf",),
        )


def test_ssim_of_hu_counts_from_air() -> None:
    hu = (REFERENCE * 300 - 150).astype(np.float32)
    made = hu + 20 * RNG.normal(size=SHAPE).astype(np.float32)

    def figures(shift: float, modality: str) -> list[float]:
        volumes = [Volume(one + np.float32(shift), AFFINE) for one in (hu, made)]
        taken = score(*volumes, MASK, modality=modality, data_range=4024.0, metrics=("ssim",))
        assert all(("counted from -1024 HU" in one.protocol.text()) == (modality == "ct") for one in taken)
        return [one.value for one in taken]

    np.testing.assert_allclose(figures(0, "ct"), figures(1024, "t2"), rtol=1e-4)
    assert not np.allclose(figures(0, "ct"), figures(0, "t2"), rtol=1e-3)
