"""The demo's recipes; what it has no recipe for is refused before anything is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.errors import UsageError
from transmodal.experiments.demo import DemoOptions, recipe_name, run_demo
from transmodal.progress import Silent
from transmodal.recipes import load


@pytest.mark.parametrize(
    ("translator", "recipe"), [("unet_regression", "t1-to-fa-small"), ("pix2pix", "t1-to-fa-pix2pix-small")]
)
def test_a_translator_has_a_small_recipe_for_the_task(translator: str, recipe: str) -> None:
    assert recipe_name("t1-to-fa", translator) == recipe
    assert load.load(recipe).translator == translator


def test_what_has_no_recipe_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    options = DemoOptions("t1-to-fa", ("unet_regression", "no_such_paper"))
    with pytest.raises(UsageError, match="no recipe t1-to-fa-no-such-paper-small") as refused:
        run_demo(tmp_path / "demo", options, Silent())
    assert refused.value.code == "E002"
    assert "t1-to-fa-small" in refused.value.expected
    assert not (tmp_path / "demo").exists()
