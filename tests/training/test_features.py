"""Stored features are filled once, and only for translators that have a frozen encoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from transmodal import translators
from transmodal.cohorts.store import Cohort
from transmodal.data.dataset import WindowDataset
from transmodal.errors import UsageError
from transmodal.recipes.schema import Recipe
from transmodal.training.features import fill_store
from transmodal.training.planning.plan import plan
from transmodal.translators._base import Translator


class Encoding(nn.Module):
    """A translator as far as its encoder goes; counts the batches that it encodes."""

    def __init__(self, name: str | None) -> None:
        super().__init__()
        self.name = name
        self.has_byte_features = False
        self.batches: list[int] = []

    def encoder(self) -> str | None:
        return self.name

    def encode(self, source: Tensor) -> Tensor:
        self.batches.append(len(source))
        return torch.nn.functional.avg_pool2d(source, 4)


@pytest.fixture
def dataset(cohort: Cohort, tiny: Callable[..., Recipe]) -> WindowDataset:
    return WindowDataset(plan(tiny(), cohort).stream)


def fill(
    translator: Encoding, dataset: WindowDataset, folder: Path, steps: list[tuple[int, int]], batch: int = 5
) -> Any:  # noqa: ANN401
    return fill_store(
        Fabric(accelerator="cpu", devices=1),
        cast("Translator[Any]", translator),
        dataset,
        folder,
        batch=batch,
        advance=lambda done, total: steps.append((done, total)),
    )


def test_a_second_training_encodes_nothing(dataset: WindowDataset, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    first, again = Encoding("toy"), Encoding("toy")
    store = fill(first, dataset, tmp_path, steps)
    assert sum(first.batches) == len(dataset)
    assert max(first.batches) <= 5
    assert steps[-1] == (len(dataset), len(dataset))
    expected = first.encode(dataset[0, 0].source[None])[0]
    torch.testing.assert_close(store(0), expected, rtol=1e-3, atol=1e-3)
    fill(again, dataset, tmp_path, [])
    assert again.batches == []


def test_a_translator_without_an_encoder_is_refused(dataset: WindowDataset, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="store_features for Encoding") as refused:
        fill(Encoding(None), dataset, tmp_path, [])
    assert refused.value.code == "E004"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("settings", "dtype"), [({}, np.float16), ({"sam_bits": 8, "sam_pool": 2}, np.int8)])
def test_mrnets_features_are_stored_as_they_are_computed(
    dataset: WindowDataset, tmp_path: Path, settings: dict[str, Any], dtype: type
) -> None:
    own = {"width": 2, "levels": 3, "sam": "random", "sam_model": "tiny", "sam_size": 256, "mask_hidden": 2}
    translator = translators.build("mrnet", own | settings)
    few = WindowDataset(replace(dataset.stream, cases=dataset.stream.cases[:1], central=True))
    # One window at a time: an encoder's sums round by how many windows it gets.
    store = fill(cast("Encoding", translator), few, tmp_path, [], batch=1)

    assert {np.load(path).dtype for path in tmp_path.iterdir()} == {np.dtype(dtype)}
    for index in range(len(few)):
        computed = translator.encode(few[index, 0].source[None])
        assert computed is not None
        assert torch.equal(store(index), computed[0])
