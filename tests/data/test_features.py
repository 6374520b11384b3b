"""Stored features: the same numbers as computed ones, whole or not there, keyed by all they depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from transmodal.data import features as features_module
from transmodal.data.dataset import WindowDataset
from transmodal.data.eight_bits import round_features
from transmodal.data.features import FeatureStore
from transmodal.data.loader import Epoch, batches
from transmodal.data.stream import Stream
from transmodal.errors import IntegrityError, ResourceError
from transmodal.volumes.intensity import IntensitySpec, fit


def encode(source: Tensor) -> Tensor:
    mean = torch.nn.functional.avg_pool2d(source, 4)
    return torch.cat([mean, mean**2], dim=1).to(torch.float16).to(torch.float32)


def filled(folder: Path, dataset: WindowDataset, encoder: str = "toy") -> FeatureStore:
    store = FeatureStore(folder, encoder, dataset)
    store.fill(encode, store.missing(), 3, lambda done, total: None)
    return store


def test_stored_features_are_the_computed_ones(stream: Stream, tmp_path: Path) -> None:
    dataset = WindowDataset(stream)
    dataset.features = filled(tmp_path, dataset)
    seen = 0
    for batch in batches(dataset, Epoch(1, "train", 0, 4)):
        assert batch.features is not None
        assert torch.equal(batch.features, encode(batch.source))
        seen += len(batch.source)
    assert seen == len(dataset)


def test_features_in_bytes_are_the_computed_ones_in_half_the_room(stream: Stream, tmp_path: Path) -> None:
    def encode_in_bytes(source: Tensor) -> Tensor:
        return round_features(encode(source))

    dataset = WindowDataset(stream)
    store = FeatureStore(tmp_path, "toy in bytes", dataset, is_packed=True)
    store.fill(encode_in_bytes, store.missing(), 3, lambda done, total: None)
    for index in (0, 7, 23):
        assert torch.equal(store(index), encode_in_bytes(dataset[index, 0].source[None])[0])
    assert {np.load(path).dtype for path in tmp_path.iterdir()} == {np.dtype(np.int8)}
    with pytest.raises(IntegrityError, match="float16 features"):
        FeatureStore(tmp_path, "toy in bytes", dataset)(0)


def test_nothing_is_encoded_twice(stream: Stream, tmp_path: Path) -> None:
    dataset = WindowDataset(stream)
    told: list[tuple[int, int]] = []
    store = FeatureStore(tmp_path, "toy", dataset)
    assert store.missing() == [0, 1, 2]
    store.fill(encode, [1], 3, lambda done, total: told.append((done, total)))
    assert told == [(3, 8), (6, 8), (8, 8)]
    again = FeatureStore(tmp_path, "toy", dataset)
    assert again.missing() == [0, 2]
    assert torch.equal(again(8), encode(dataset[8, 0].source[None])[0])
    with pytest.raises(IntegrityError, match="none that are whole"):
        again(0)


CHANGES: dict[str, Callable[[Stream], Stream]] = {
    "spacing": lambda s: replace(s, spacing_mm=4.0),
    "windows": lambda s: replace(s, central=True),
    "cutting": lambda s: replace(s, cutting=replace(s.cutting, size=(16, 16))),
    "order": lambda s: replace(s, sources=("t2", "t1")),
    "map": lambda s: replace(
        s,
        cases=tuple(
            one._replace(source_maps=(fit(IntensitySpec("window", 0.0, 200.0), np.zeros(1)), one.source_maps[1]))
            for one in s.cases
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_what_features_depend_on_makes_other_files(stream: Stream, tmp_path: Path, change: str) -> None:
    filled(tmp_path, WindowDataset(stream))
    changed = WindowDataset(CHANGES[change](stream))
    assert FeatureStore(tmp_path, "toy", changed).missing() == [0, 1, 2]
    assert FeatureStore(tmp_path, "another", WindowDataset(stream)).missing() == [0, 1, 2]
    assert FeatureStore(tmp_path, "toy", WindowDataset(stream)).missing() == []


def test_an_interrupted_case_leaves_nothing(stream: Stream, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done > 9:
            raise KeyboardInterrupt

    store = FeatureStore(tmp_path, "toy", WindowDataset(stream))
    with pytest.raises(KeyboardInterrupt):
        store.fill(encode, store.missing(), 3, stop)
    assert store.missing() == [1, 2]
    assert len(list(tmp_path.iterdir())) == 1


def test_damage_is_named(stream: Stream, tmp_path: Path) -> None:
    filled(tmp_path, WindowDataset(stream))
    first = sorted(tmp_path.iterdir())[0]
    first.write_bytes(first.read_bytes()[:200])
    with pytest.raises(IntegrityError, match="Delete the file") as damaged:
        FeatureStore(tmp_path, "toy", WindowDataset(stream))(0)
    assert damaged.value.code == "E502"


def test_features_with_a_flipped_bit_are_made_again(stream: Stream, tmp_path: Path) -> None:
    dataset = WindowDataset(stream)
    expected = filled(tmp_path, dataset)(0)
    first = sorted(tmp_path.iterdir())[0]
    whole = first.read_bytes()
    first.write_bytes(bytes([*whole[:-1], whole[-1] ^ 1]))
    assert FeatureStore(tmp_path, "toy", dataset).missing() == [0]
    assert torch.equal(filled(tmp_path, dataset)(0), expected)
    assert first.read_bytes() == whole


def test_a_disk_without_room_is_refused_first(
    stream: Stream,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(features_module.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(ResourceError, match="store_features=false"):
        filled(tmp_path / "new", WindowDataset(stream))
    assert list(tmp_path.iterdir()) == []
