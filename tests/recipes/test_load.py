from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from transmodal.errors import InputError, TransmodalError, UsageError
from transmodal.recipes import load


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


@pytest.mark.parametrize(
    "scalar",
    [
        '!!int ""', '!!int "+"', '!!float ""', "!!timestamp foo", "!!timestamp 2020-13-45", "!!bool foo", "!!map 3",
        "9" * 6000, "0x" + "f" * 6000, "0b1" + "0" * 64, '"\\U00110000"', "{<<: [1]}", "!!binary x",
    ],
)  # fmt: skip
def test_scalars_that_are_not_of_their_kind_are_refused(scalar: str, file: Path) -> None:
    with pytest.raises(UsageError) as refused:
        load.load(file, [f"training.epochs={scalar}"])
    assert refused.value.code == "E001"
    file.write_text(file.read_text().replace("epochs: 3", f"epochs: {scalar}"))
    with pytest.raises(UsageError) as refused:
        load.load(file)
    assert refused.value.code == "E001"
