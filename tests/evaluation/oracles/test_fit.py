from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from blobs import blob
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.oracles import fit as oracles
from transmodal.volumes import Volume
from transmodal.volumes.intensity import IntensitySpec, fit

Make = Callable[..., Any]
AFFINE = np.eye(4)


@pytest.mark.parametrize("name", oracles.STANDARD)
def test_outside_the_region_is_the_fill(
    name: str, make_case: Make, make_preprocessing: Make, translated: Make
) -> None:
    hu = fit(IntensitySpec("window", -1024, 3000), np.zeros(1))
    preprocessing = make_preprocessing(target="ct", target_map=hu)
    cases = [make_case(seed, ct=Volume(np.full((14, 17, 12), 40.0, np.float32), AFFINE)) for seed in range(2)]
    got = translated(name, cases, cases[0], preprocessing)
    assert (got[~cases[0].brain] == -1024).all()
    assert got[cases[0].brain] == pytest.approx(40, abs=1e-2)


@pytest.mark.parametrize("name", oracles.STANDARD)
def test_colour_targets_and_sources(
    name: str, make_case: Make, make_preprocessing: Make, translated: Make
) -> None:
    def coloured(seed: int) -> Any:  # noqa: ANN401
        red = np.random.default_rng(seed).integers(0, 256, (14, 17, 12, 3), dtype=np.uint8)
        return make_case(seed, photo=Volume(red, AFFINE), colour=Volume(red // 2, AFFINE))

    preprocessing = make_preprocessing(("photo",), "colour", region="whole", high=255.0)
    test = coloured(8)
    got = translated(name, [coloured(1), coloured(2)], test, preprocessing)
    assert got.shape == (14, 17, 12, 3)
    error = np.abs(got - test.volumes["colour"].voxels).mean()
    assert error < {"mean_target": 45, "lookup": 8, "linear_patch": 1}[name]


@pytest.mark.parametrize("name", oracles.STANDARD)
def test_oracles_work_on_the_views_grid(
    name: str, make_preprocessing: Make, make_case: Make, translated: Make
) -> None:
    shape = (24, 26, 22)
    field = blob(shape, (11, 13, 10), 4).astype(np.float32)
    case = make_case(0)
    coarse = type(case)(
        "blob", {"t1": Volume(field * 400, AFFINE), "fa": Volume(field, AFFINE)}, None, field > 0.02
    )
    got = translated(name, [coarse], coarse, make_preprocessing(spacing_mm=2.0))
    inside = field > 0.02
    assert np.abs(got - field)[inside].mean() < 0.06


def test_progress_is_told(make_case: Make, make_preprocessing: Make) -> None:
    told: list[tuple[str, int, int]] = []
    oracles.fit(
        "lookup", [make_case(1), make_case(2)], make_preprocessing(), progress=lambda *what: told.append(what)
    )
    assert told == [("lookup", 1, 2), ("lookup", 2, 2)]


def test_unknown_oracles_and_empty_splits_are_refused(make_case: Make, make_preprocessing: Make) -> None:
    with pytest.raises(UsageError, match="mean_targt") as caught:
        oracles.fit("mean_targt", [make_case(1)], make_preprocessing())
    assert caught.value.code == "E002"
    with pytest.raises(InputError, match="no training case") as empty:
        oracles.fit("lookup", [], make_preprocessing())
    assert empty.value.code == "E132"
