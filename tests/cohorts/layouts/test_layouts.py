from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from transmodal.cohorts import layouts
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
