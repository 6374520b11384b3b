"""A refused recipe names the key, the nearest known one, and what it may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.errors import UsageError
from transmodal.recipes import load


def refusal(file: Path, *overrides: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load.load(file, overrides)
    return caught.value


@pytest.mark.parametrize(
    ("override", "path", "nearest"),
    [
        ("trainin.epochs=2", "trainin", "training"),
        ("training.epoch=2", "training.epoch", "training.epochs"),
        ("training.players.generator.learning=1", "training.players.generator.learning", ""),
        ("training.players.generator.betta=1", "training.players.generator.betta", "betas"),
        ("training.early_stopping.patient=2", "training.early_stopping.patient", "patience"),
        ("data.intensity.t1.lo=2", "data.intensity.t1.lo", "data.intensity.t1.low"),
    ],
)
def test_unknown_key_names_the_nearest(file: Path, override: str, path: str, nearest: str) -> None:
    error = refusal(file, override)

    assert error.code == "E003"
    assert f"unknown key {path}" in error.got
    assert nearest in error.remedy


@pytest.mark.parametrize(
    ("override", "code", "words"),
    [
        ("training.epochs=many", "E001", "training.epochs = many"),
        ("training.epochs=0", "E001", "greater than or equal to 1"),
        ("training.epochs.x=1", "E003", "training.epochs is 3"),
        ("training.epochs", "E001", "dotted.key=value"),
        ("=3", "E001", "dotted.key=value"),
        ("training.epochs=[", "E001", "line 1"),
        ("training={epochs: 1, epochs: 2}", "E001", "stands twice"),
        ("settings={a: &x 1, b: *x}", "E001", "aliases"),
        ("settings.x=!!python/object/apply:os.getcwd []", "E001", "could not determine a constructor"),
        ("training.processes=2", "E001", "does not divide"),
        ("task.target=t1", "E001", "differ"),
        ("task.source=[]", "E001", "task.source"),
        ("windows.kind=slab", "E001", "odd depth"),
        ("windows.depth=3", "E001", "is for slabs"),
        ("windows.kind=patch", "E001", "need a size"),
        ("windows.fit=keep", "E001", "need a size"),
        ("windows.size=[1, 2, 3]", "E001", "2 numbers"),
        ("windows.axes=[x, x]", "E001", "twice"),
        ("data.intensity.t1.low=99.5", "E001", "below"),
        ("data.intensity.t1.high=101", "E001", "0 to 100"),
        ("data.intensity.t1.method=zscore", "E001", "neither"),
        ("training.players.generator.lr=.nan", "E001", "finite"),
        ("training.device=tpu", "E001", "training.device"),
        ("training=3", "E001", "training = 3"),
    ],
)
def test_wrong_values_are_named(file: Path, override: str, code: str, words: str) -> None:
    error = refusal(file, override)

    assert error.code == code
    assert words in str(error)


def test_missing_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "short.yml"
    path.write_text("name: short\ntranslator: pix2pix\ntask: {source: [t1], target: fa}\n")

    assert "training is missing" in refusal(path).got
