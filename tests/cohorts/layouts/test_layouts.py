from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from transmodal.cohorts import layouts
from transmodal.cohorts.layouts import brats, folders, ixi
from transmodal.errors import InputError, UsageError


def test_a_module_without_leading_underscore_is_a_layout() -> None:
    assert {"brats", "folders", "ixi", "pairs", "slices", "synthrad"} <= set(layouts.names())
    modules = {path.stem for path in Path(layouts.__file__).parent.glob("*.py")}
    assert set(layouts.names()) == {name for name in modules if not name.startswith("_")}
    assert list(layouts.summaries()) == layouts.names()


def test_layouts_are_listed_without_reading_images() -> None:
    """The help lists them, and readers of images take long to import."""
    code = (
        "import sys; from transmodal.cohorts import layouts; assert layouts.summaries();"
        "assert not {'numpy', 'nibabel', 'SimpleITK', 'pydicom', 'torch'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_settings_are_read_by_the_type_of_their_default() -> None:
    told = layouts.parse_options("ixi", ["need=t1,t2", "bias=true", "limit_mm=1.5", "onto=t1"])
    assert told == ixi.Options(need=("t1", "t2"), bias=True, limit_mm=1.5, onto="t1")
    assert layouts.parse_options("ixi", ["bias=false"]) == ixi.Options()
    assert layouts.parse_options("brats") == brats.Options()
    assert layouts.parse_options("folders") == folders.Options()


@pytest.mark.parametrize(
    ("layout", "setting", "code", "said"),
    [
        ("ixi", "onto", "E001", "KEY=VALUE"),
        ("ixi", "ontoo=t1", "E003", "Did you mean onto"),
        ("ixi", "zzz=t1", "E003", "See transmodal prepare ixi --help"),
        ("ixi", "bias=yes", "E001", "true or false"),
        ("ixi", "limit_mm=much", "E001", "a number"),
        ("ixi", "onto=t3", "E001", "t2, t1, none|t2"),
        ("folders", "need=t1", "E003", "limit_mm, onto"),
        ("ixii", "", "E002", "Did you mean ixi"),
        ("zzz", "", "E002", "prepare --help"),
    ],
)
def test_what_cannot_be_told_is_said(layout: str, setting: str, code: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        layouts.parse_options(layout, [setting])
    assert caught.value.code == code


def test_look_passes_on_what_is_wrong_with_the_folder(tmp_path: Path) -> None:
    for name in layouts.names():
        with pytest.raises(InputError) as caught:
            layouts.find(name, tmp_path / "nowhere")
        assert caught.value.code == "E100"


@pytest.mark.parametrize(("said", "meant"), [("synthrad2023", "synthrad"), ("brats2021", "brats")])
def test_a_year_behind_the_name_is_understood(said: str, meant: str) -> None:
    assert layouts.parse_options(said) == layouts.parse_options(meant)
    with pytest.raises(UsageError, match="the layout"):
        layouts.parse_options(f"x{said}")
