from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from transmodal.cohorts.simulation import contrasts, render
from transmodal.cohorts.simulation.contrasts import LABELS, Relaxation
from transmodal.cohorts.simulation.subject import AnatomyOnGrid, draw_subject

STILL = np.zeros(3)
WEIGHTED = ("t2", "pd", "flair")


@cache
def seen(index: int) -> AnatomyOnGrid:
    return AnatomyOnGrid(draw_subject(2024, index, 4.0, 0.0, lesions=True), STILL)


@cache
def volumes(index: int) -> Mapping[str, np.ndarray]:
    made = {name: render.MAKERS[name](seen(index)) for name in (*WEIGHTED, "fa", "ct", "colour")}
    return made | {"t1": render.t1(seen(index), stripped=False), "labels": render.segmentation(seen(index))}


def of(tissue: str, index: int, least: float = 0.85) -> np.ndarray:
    """Return where a tissue fills most of the voxel, on the whole grid."""
    where = seen(index).full(getattr(seen(index).tissue, tissue)) > least
    assert where.sum() > 5
    return where


def test_spin_echo_follows_its_equation() -> None:
    tissue = Relaxation(1000.0, 100.0, 0.8)
    assert contrasts.spin_echo(tissue, 1000.0, 100.0) == pytest.approx(0.8 * (1 - np.exp(-1)) * np.exp(-1))
    assert contrasts.spin_echo(tissue, 1e9, 0.0) == pytest.approx(0.8)


def test_inversion_recovery_nulls_and_is_a_magnitude() -> None:
    tissue = Relaxation(4000.0, 1500.0, 1.0)
    assert contrasts.inversion_recovery(tissue, 1e9, 0.0, 4000 * np.log(2)) == pytest.approx(0, abs=1e-9)
    assert contrasts.inversion_recovery(tissue, 1e9, 0.0, 0.0) == pytest.approx(1)
    assert contrasts.inversion_recovery(tissue, 1e9, 0.0, 1e9) == pytest.approx(1)


def test_grey_to_white_ratios_are_those_of_real_scans(record_property: Callable[[str, object], None]) -> None:
    ratios: dict[str, list[float]] = {}
    for index in range(5):
        gm, wm = of("gm", index, 0.9), of("wm", index, 0.9)
        for name in ("t1", *WEIGHTED):
            voxels = volumes(index)[name]
            ratios.setdefault(name, []).append(float(voxels[gm].mean() / voxels[wm].mean()))
    means = {name: round(float(np.mean(values)), 3) for name, values in ratios.items()}
    record_property("grey_to_white", means)
    assert 0.73 <= means["t1"] <= 0.79, means
    assert means["t2"] == pytest.approx(1.36, abs=0.12), means
    assert means["pd"] == pytest.approx(1.14, abs=0.05), means
    assert 1.0 < means["flair"] < 1.4, means


def test_fluid_is_dark_bright_and_dark_again() -> None:
    csf, wm = of("csf", 1), of("wm", 1)
    level = {name: volumes(1)[name][csf].mean() / volumes(1)[name][wm].mean() for name in ("t1", *WEIGHTED)}
    assert level["t1"] < 0.45
    assert level["t2"] > 2
    assert level["flair"] < 0.3


def test_lesion_shows_in_every_contrast_on_one_side_only() -> None:
    index = 1
    lesion, wm = of("lesion", index, 0.5), of("wm", index)
    level = {name: volumes(index)[name][lesion].mean() / volumes(index)[name][wm].mean() for name in
             ("t1", "fa", *WEIGHTED)}  # fmt: skip
    assert level["t1"] < 0.9
    assert level["fa"] < 0.6
    assert level["t2"] > 1.3
    assert level["flair"] > 1.3
    side = np.sign(seen(index).place.template_mm[0][lesion])
    assert abs(side.mean()) == 1


def test_hounsfield_units_by_tissue() -> None:
    ct, labels = volumes(2)["ct"], volumes(2)["labels"]
    bone = np.isin(labels, (LABELS["bone"], LABELS["diploe"]))
    beside = ndimage.binary_dilation(bone) & (labels == LABELS["csf"])
    assert beside.sum() > 100
    assert float(np.median(ct[beside])) < 25
    assert float(ct[beside].mean()) < 30
    assert float(ct[of("wm", 2)].mean()) < float(ct[of("gm", 2)].mean()) < 50
    assert float(np.median(ct[labels == LABELS["outside"]])) == pytest.approx(-1000, abs=30)
    assert -160 < float(np.median(ct[labels == LABELS["fat"]])) < -40
    assert float(np.quantile(ct[labels == LABELS["bone"]], 0.9)) > 1000
    assert ct.min() >= -1024
    assert ct.max() <= 3000


def test_fa_is_the_real_volume_inside_the_brain_and_nothing_outside() -> None:
    fa, mask = volumes(0)["fa"], seen(0).mask
    assert fa.dtype == np.float32
    assert float(fa[~mask].max()) == 0
    assert float(fa.min()) >= 0
    assert 0.5 < float(fa.max()) <= 1
    real = seen(0).full(seen(0).brain.fa)
    assert np.corrcoef(real[mask], fa[mask])[0, 1] > 0.9


def test_colour_is_black_outside_and_red_in_muscle() -> None:
    colour, labels = volumes(2)["colour"], volumes(2)["labels"]
    assert colour.dtype == np.uint8
    assert colour.shape == (*labels.shape, 3)
    deep = ndimage.binary_erosion(labels == LABELS["outside"], iterations=2)
    assert float(colour[deep].mean()) < 5
    red, green, _ = colour[labels == LABELS["muscle"]].mean(axis=0)
    assert red > 1.5 * green


def test_labels_say_what_fills_the_voxels() -> None:
    labels, mask = volumes(2)["labels"], seen(2).mask
    assert labels.dtype == np.uint8
    assert set(np.unique(labels)) <= set(LABELS.values())
    assert {1, 2, 3, 4, 5, 6, 7, 8, 10, 11} <= set(np.unique(labels))
    inside = np.isin(labels, [LABELS[name] for name in ("csf", "gm", "wm", "lesion")])
    assert inside[mask].mean() > 0.98
    assert inside[ndimage.binary_erosion(mask)].all()
