from __future__ import annotations

import pytest

from transmodal.errors import UsageError
from transmodal.metrics import registry


def test_every_name_is_there_once_and_every_metric_is_measured_somewhere() -> None:
    records = registry.metrics()
    assert len({metric.name for metric in records}) == len(records)
    for metric in records:
        has_function = metric.in_3d is not None or metric.in_2d is not None
        assert has_function == (metric.learned is None), metric.name
        assert bool(metric.dims) == (metric.learned != "split"), metric.name


def test_the_order_of_tables_is_kept() -> None:
    first = "mae mse nmse psnr ssim ms_ssim stsim1 stsim2 fsim fsim_colour ssim_source ms_ssim_source stsim1_source"
    assert registry.names()[: len(first.split())] == tuple(first.split())
    assert {"delta_cf", "ring_energy"} <= set(registry.names())
    assert "lattice_excess" not in registry.names()
    assert registry.learned_names() == ("lpips", "lpips_vgg", "dists", "fid", "kid", "dice", "hd95")


def test_directions_are_known() -> None:
    higher = {"psnr", "ssim", "ms_ssim", "stsim1", "stsim2", "fsim", "dice", "fsim_source"}
    lower = {
        "mae",
        "mse",
        "nmse",
        "delta_cf",
        "ciede2000_organs",
        "gradient_error",
        "lpips",
        "dists",
        "hd95",
        "fid",
    }
    assert all(registry.higher_is_better(name) for name in higher)
    assert not any(registry.higher_is_better(name) for name in lower)
    assert registry.is_ranked("mae")
    assert not registry.is_ranked("lattice_excess")  # its best value is 0, from either side
    assert not registry.is_ranked("nothing")


def test_better_follows_the_metric() -> None:
    assert registry.is_improvement("mae", 1.0, None)
    assert registry.is_improvement("mae", 1.0, 2.0)
    assert not registry.is_improvement("mae", 2.0, 2.0)
    assert registry.is_improvement("ssim", 0.9, 0.8)
    assert not registry.is_improvement("ssim", 0.7, 0.8)
    assert not registry.is_improvement("ssim", float("nan"), None)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UsageError, match="the metric nothing; expected mae, mse") as caught:
        registry.find("nothing")
    assert caught.value.code == "E002"


def test_needs_are_asked_of_several_metrics() -> None:
    assert registry.any_needs(["mae", "stsim2_source"], "source")
    assert not registry.any_needs(["mae", "stsim2_source"], "labels")
