from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from transmodal.errors import InputError, TransmodalError, UsageError
from transmodal.recipes import load
from transmodal.recipes.schema import Recipe

PLAIN = """
name: mine
translator: pix2pix
task: {source: [t1, t2], target: fa}
data: {intensity: {t1: {method: percentile, low: 1, high: 99}}}
training:
  epochs: 3
  players: {generator: {lr: 2e-4}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(PLAIN)
    return path


def refusal(file: Path, *overrides: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load.load(file, overrides)
    return caught.value


def test_loads_a_file_with_defaults(file: Path) -> None:
    recipe = load.load(file)

    assert recipe.task.source == ("t1", "t2")
    assert recipe.training.players["generator"].lr == 2e-4
    assert recipe.training.player("train", "discriminator").betas == (0.5, 0.999)
    assert recipe.data.spec("t1").low == 1.0
    assert recipe.data.spec("ct").method == "window"


def test_library_is_listed_without_torch() -> None:
    script = (
        "import sys; from transmodal.recipes import load; print(load.names()[0]); "
        "assert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", script], check=True, capture_output=True).stdout


@pytest.mark.parametrize("name", load.names())
def test_dump_and_load_agree(name: str, tmp_path: Path) -> None:
    recipe = load.load(name)
    path = tmp_path / "dumped.yaml"
    path.write_text(load.dump(recipe))

    assert load.load(path) == recipe


def test_overrides_are_yaml_and_checked(file: Path) -> None:
    recipe = load.load(
        file,
        [
            "training.epochs=7",
            "windows.axes=[x, z]",
            "training.early_stopping.patience=4",
            "training.players.generator.lr=1e-3",
            "settings.width=8",
            "data.spacing_mm=",
        ],
    )

    assert recipe.training.epochs == 7
    assert recipe.windows.axes == ("x", "z")
    assert recipe.training.early_stopping is not None
    assert recipe.training.early_stopping.patience == 4
    assert recipe.training.players["generator"].lr == 1e-3
    assert recipe.settings == {"width": 8}
    assert recipe.data.spacing_mm is None


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


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "E001"),
        (b"- a\n", "E001"),
        (b"name: [\n", "E001"),
        (b"\xff\xfe\x00", "E101"),
        (b"a: " + b"x" * 70_000, "E001"),
        (b"[" * 20_000, "E001"),
        (b"{a: 1, a: 2}", "E001"),
        (b"{? {a: 1} : 2}", "E001"),
    ],
)
def test_files_that_are_no_recipe(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)

    with pytest.raises(TransmodalError) as caught:
        load.load(path)
    assert caught.value.code == code


def test_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"Did you mean pix2pix\?") as caught:
        load.load("pix2pxi")
    assert caught.value.code == "E002"
    with pytest.raises(UsageError, match="transmodal recipes"):
        load.load("qqqq")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist") as caught:
        load.load(tmp_path / "none.yaml")
    assert caught.value.code == "E100"


def test_recipes_are_frozen(file: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load.load(file).training.epochs = 3  # type: ignore[misc]  # that is the point


def test_schema_of_slabs_and_patches(file: Path) -> None:
    slab = load.load(file, ["windows={kind: slab, depth: 5}"])
    patch = load.load(file, ["windows={kind: patch, size: [16, 16, 16]}"])

    assert isinstance(slab, Recipe)
    assert slab.windows.depth == 5
    assert patch.windows.size == (16, 16, 16)
