from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import small_pages
from transmodal.errors import InputError, TransmodalError, UsageError
from transmodal.inference.preprocessing import Preprocessing
from transmodal.publishing.example import build_example
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import reorient

HEAD = small_pages.head()


def test_your_image_comes_with_the_region_that_is_translated() -> None:
    preprocessing = small_pages.model(data={"region": "body"}).preprocessing
    example = build_example(preprocessing, {"t1": HEAD})
    assert example is not None
    assert example.region is not None
    assert example.region.grid == reorient(HEAD).grid
    assert 0.2 < example.region.voxels.mean() < 0.6
    whole = build_example(replace(preprocessing, region="whole"), {"t1": HEAD})
    assert whole is not None
    assert whole.region is None


def test_a_virtual_subject_is_simulated_in_the_modalities_of_the_run() -> None:
    preprocessing = replace(small_pages.model(sources=("t1", "t2")).preprocessing, spacing_mm=8.0)
    example = build_example(preprocessing)
    assert example is not None
    assert list(example.sources) == ["t1", "t2"]
    assert example.sources["t1"].grid == example.sources["t2"].grid
    assert max(example.sources["t1"].voxels.shape) < 40
    assert "no person" in example.origin


def test_where_it_cannot_be_simulated_there_is_none(preprocessing_of: Callable[..., Preprocessing]) -> None:
    assert build_example(preprocessing_of("mr")) is None


@pytest.fixture
def preprocessing_of() -> Callable[..., Preprocessing]:
    return lambda *sources: small_pages.model(sources=sources).preprocessing


@pytest.mark.parametrize(
    ("sources", "error", "code"),
    [
        ({"t2": HEAD}, UsageError, "E004"),
        ({"t1": Volume(np.eye(12).reshape(3, 4, 4, 3).astype(np.uint8), np.eye(4))}, InputError, "E122"),
    ],
    ids=["another", "colour"],
)
def test_what_is_no_source_of_the_run_is_refused(
    sources: dict[str, Volume],
    error: type[TransmodalError],
    code: str,
    preprocessing_of: Callable[..., Preprocessing],
) -> None:
    with pytest.raises(error) as refused:
        build_example(preprocessing_of("t1"), sources)
    assert refused.value.code == code
